// One client for each service; the extension is what Node.js's own modules need.
export default ["product", "basket", "ordering", "stock", "payment"].map((name) => ({
  input: `${name}.json`,
  output: { path: name, importFileExtension: ".js" },
}));
