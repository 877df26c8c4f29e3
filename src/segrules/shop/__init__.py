"""What a shop knows: its words, its calendar, and where its data lies."""

from segrules.shop.shop import DeclaredShop, DefaultShop, Shop

__all__ = ["DeclaredShop", "DefaultShop", "Shop"]
