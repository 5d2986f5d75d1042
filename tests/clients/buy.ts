// Buys with the generated clients. The documents' types are checked by the compiler, what the shop answers by `equal`.
import { strict as assert } from "node:assert";

import { createClient as basketClient } from "./basket/client/index.js";
import { addItem, checkout, replaceBasket } from "./basket/sdk.gen.js";
import { createClient as orderingClient } from "./ordering/client/index.js";
import { getOrder } from "./ordering/sdk.gen.js";
import { createClient as paymentClient } from "./payment/client/index.js";
import { getPayment } from "./payment/sdk.gen.js";
import { createClient as productClient } from "./product/client/index.js";
import { createProduct, getProduct, replaceProduct } from "./product/sdk.gen.js";
import type { Problem } from "./product/types.gen.js";
import { createClient as stockClient } from "./stock/client/index.js";
import { getStock, setStock } from "./stock/sdk.gen.js";

const auth = () => process.argv[7]!;
const [product, basket, ordering, stock, payment] = [
  productClient({ baseUrl: process.argv[2]!, auth }),
  basketClient({ baseUrl: process.argv[3]!, auth }),
  orderingClient({ baseUrl: process.argv[4]!, auth }),
  stockClient({ baseUrl: process.argv[5]!, auth }),
  paymentClient({ baseUrl: process.argv[6]!, auth }),
];
const userName = "typescript";

const made = await createProduct({ client: product, body: { name: "Piano", category: "Music", price: 199999.99 } });
assert.ok(made.data);
assert.equal(made.data.price, 199999.99);
assert.equal(made.response.headers.get("Location"), `/product/${made.data.id}`);
assert.equal(made.response.headers.get("ETag"), '"1"');

const unchanged = await getProduct({ client: product, path: { id: made.data.id }, headers: { "If-None-Match": '"1"' } });
assert.equal(unchanged.response.status, 304);

const late = await replaceProduct({
  client: product,
  path: { id: made.data.id },
  headers: { "If-Match": '"9"' },
  body: { name: "Organ", category: "Music", price: 1 },
});
assert.equal(late.error?.status, 412);
assert.equal(late.error?.version, 1);

const refused = await createProduct({ client: product, body: { name: "", category: "Music", price: -1 } });
const problem: Problem | undefined = refused.error;
assert.equal(problem?.status, 422);
assert.deepEqual(problem?.errors?.map((each) => each.pointer).sort(), ["/name", "/price"]);

const ofProduct = { productId: made.data.id };
const change = await setStock({ client: stock, path: ofProduct, body: { available: 5 } });
assert.deepEqual([change.data?.available, change.data?.previousAvailable], [5, null]);

await replaceBasket({ client: basket, body: { userName, items: [] } });
const filled = await addItem({ client: basket, path: { userName }, body: { productId: made.data.id, quantity: 3 } });
assert.equal(filled.data?.totalPrice, 599999.97);

const buyer = { firstName: "Ty", lastName: "Script", email: "ty@example.com", address: "1 Harbour Street" };
const body = { userName, ...buyer, cardInfo: "5554443322", paymentMethod: 1 };
const unexpected = await checkout({ client: basket, body: { ...body, expectedTotal: 1 } });
assert.equal(unexpected.error?.status, 409);
assert.equal(unexpected.error?.totalPrice, 599999.97);

const placed = await checkout({ client: basket, body: { ...body, expectedTotal: filled.data?.totalPrice } });
assert.ok(placed.data);
assert.equal(placed.response.headers.get("Location")?.split("/").at(-1), placed.data.orderId);

const path = { userName, orderId: placed.data.orderId };
let order = await getOrder({ client: ordering, path });
for (const end = Date.now() + 60_000; order.data?.status !== "CONFIRMED" && Date.now() < end; ) {
  await new Promise((resolve) => setTimeout(resolve, 200));
  order = await getOrder({ client: ordering, path });
}
assert.equal(order.data?.totalPrice, 599999.97);
assert.deepEqual(order.data?.items.map((line) => [line.price, line.quantity]), [[199999.99, 3]]);

const paid = await getPayment({ client: payment, path });
assert.deepEqual([paid.data?.status, paid.data?.amount], ["AUTHORIZED", 599999.97]);

const level = await getStock({ client: stock, path: ofProduct });
assert.ok(level.data);
assert.deepEqual([level.data.available, level.data.reserved + level.data.sold], [2, 3]);
console.log("bought");
