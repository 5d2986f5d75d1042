"""What a customer does on the pages of the storefront, with the mouse and the keyboard."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

APPROVED, DECLINED, LATE = "4111 1111 1111 1111", "4000 0000 0000 0002", "4000 0000 0000 0127"  # cards
BUYER = {
    "First name": "Ann",
    "Last name": "Lee",
    "E-mail": "ann@example.com",
    "Address": "1 Harbour Street",
    "Card number": APPROVED,
}


class Customer:
    """Every method waits until the page shows what is needed, for 30 seconds at most."""

    def __init__(self, page: "Page", url: str) -> None:
        self.page, self.url = page, url

    def open(self, path: str) -> None:
        self.page.goto(f"{self.url}{path}")

    def click(self, button: str) -> None:
        self.page.get_by_role("button", name=button).click()

    def fill(self, **fields: str) -> None:
        """By their labels."""
        for label, value in fields.items():
            self.page.get_by_label(label, exact=True).fill(value)

    def put_into_basket(self, product: str = "IPhone X", category: str = "Phone") -> None:
        self.open(f"/shop?category={category}")
        self.click(f"Add {product}")
        self.sees("Added to your basket.")

    def fill_in_checkout(self, card: str = APPROVED) -> None:
        self.open("/shop/basket")
        self.page.get_by_role("link", name="Check out").click()
        self.fill(**BUYER | {"Card number": card})

    def buy(self, card: str = APPROVED) -> None:
        """Ends on the page of the order."""
        self.put_into_basket()
        self.fill_in_checkout(card)
        self.click("Order,")
        self.page.wait_for_url("**/shop/orders/*")

    def sees(self, text: str) -> None:
        self.page.get_by_text(text).wait_for()

    def orders(self) -> list[str]:
        """The paths of the customer's orders."""
        self.open("/shop/orders")
        links = self.page.locator('tbody a[href^="/shop/orders/"]').all()
        return [str(link.get_attribute("href")) for link in links]
