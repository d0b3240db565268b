import assert from "node:assert";
import test from "node:test";

import { price } from "@shop/money";

test("a price has two digits", () => {
  assert.equal(price(250), "2.50 EUR");
});
