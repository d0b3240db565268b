package shop;

/** Shows amounts of money. */
public final class Money {
    private Money() {}

    /** Returns a price with its currency. */
    public static String price(long cents) {
        return String.format("%d.%02d EUR", cents / 100, cents % 100);
    }
}
