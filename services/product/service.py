"""What can be done with products."""

from collections.abc import Callable
from typing import Any, Protocol

from chassis.errors import PreconditionFailed
from chassis.paging import Page
from services.product.models import Product, ProductChanges, ProductFields


class Products(Protocol):
    """The storage this service needs; `store.ProductStore` is the one on DynamoDB."""

    def get(self, product_id: str) -> Product: ...
    def add(self, product: Product) -> None: ...
    def change(self, product_id: str, changes: dict[str, Any], version: int | None) -> Product: ...
    def remove(self, product_id: str, version: int | None) -> None: ...
    def page(self, category: str | None, limit: int, cursor: str | None) -> Page[Product]: ...


class ProductService:
    def __init__(self, products: Products, new_id: Callable[[], str]) -> None:
        self._products = products
        self._new_id = new_id

    def create(self, fields: ProductFields) -> Product:
        product = Product(id=self._new_id(), version=1, **fields.model_dump())
        self._products.add(product)
        return product

    def get(self, product_id: str) -> Product:
        return self._products.get(product_id)

    def page(self, category: str | None, limit: int, cursor: str | None) -> Page[Product]:
        return self._products.page(category, limit, cursor)

    def replace(self, product_id: str, fields: ProductFields, version: int | None) -> Product:
        """`version`, where given, is the one the caller has seen; another one raises PreconditionFailed."""
        return self._products.change(product_id, fields.model_dump(), version)

    def amend(self, product_id: str, changes: ProductChanges, version: int | None) -> Product:
        """Changes the fields that were sent; none at all changes nothing, and the version stays."""
        sent = changes.model_dump(exclude_unset=True)
        if sent:
            return self._products.change(product_id, sent, version)
        product = self.get(product_id)
        if version not in {None, product.version}:
            raise PreconditionFailed(f"The product is at version {product.version} now.", version=product.version)
        return product

    def remove(self, product_id: str, version: int | None) -> None:
        self._products.remove(product_id, version)
