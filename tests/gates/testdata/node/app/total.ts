import { price } from "@shop/money";

export const total: string = price(250);
