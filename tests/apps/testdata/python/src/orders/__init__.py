"""The stack of the orders."""

from orders.stack import OrdersStack

__all__ = ["OrdersStack"]
