"""The stack of a shop."""

from shop.stack import template

__all__ = ["template"]
