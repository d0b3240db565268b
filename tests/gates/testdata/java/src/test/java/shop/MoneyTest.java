package shop;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class MoneyTest {
    @Test
    void priceHasTwoDigits() {
        assertEquals("2.50 EUR", Money.price(250));
    }
}
