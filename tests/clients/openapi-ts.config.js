// One client for each service; the extension is what Node.js's own modules need.
export default ["product", "basket", "ordering"].map((name) => ({
  input: `${name}.json`,
  output: { path: name, importFileExtension: ".js" },
}));
