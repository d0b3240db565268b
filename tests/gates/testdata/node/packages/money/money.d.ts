export function price(cents: number): string;
