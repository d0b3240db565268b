/** Returns a price with its currency. */
export function price(cents) {
  return `${(cents / 100).toFixed(2)} EUR`;
}
