"""The DynamoDB API on tables that are quick at any size."""

from __future__ import annotations

from collections import deque
from typing import Any

from moto.core.serialize import SERVICE_SPECIFIC_SERIALIZERS
from moto.dynamodb import responses, urls
from moto.dynamodb.exceptions import ResourceInUseException, ResourceNotFoundException
from moto.dynamodb.models import DynamoDBBackend, dynamodb_backends
from moto.dynamodb.models.dynamo_type import Item
from moto.dynamodb.models.table import Table

from deploy.local.dynamodb.answers import AttributeSerializer, to_plain
from deploy.local.dynamodb.table import Excerpt, Key, LocalTable
from deploy.local.moto_urls import UrlModule


class LocalDynamo(DynamoDBBackend):
    """moto's, with `LocalTable`s."""

    @property
    def _url_module(self) -> UrlModule:
        return UrlModule(urls.url_bases, urls.url_paths)

    def create_table(self, name: str, **described: Any) -> Table:  # type: ignore[override]  # moto calls it by names
        if name in self.tables:
            raise ResourceInUseException(f"Table already exists: {name}")
        self.tables[name] = LocalTable(  # type: ignore[abstract]  # moto declares methods it does not need here  # what CloudFormation's updates would need
            name, account_id=self.account_id, region=self.region_name, **described
        )
        return self.tables[name]

    def update_item(self, table_name: str, key: dict[str, dict[str, Any]], *args: Any, **kwargs: Any) -> Item:
        table = self.get_table(table_name)
        try:
            return super().update_item(table_name, key, *args, **kwargs)
        finally:  # an update that fails may have changed something before it did
            if isinstance(table, LocalTable) and (whole := table.key_of(key)):
                table.follow(whole)

    def transact_write_items(self, transact_items: list[dict[str, Any]]) -> None:
        """Made on copies of the items that it names. Where it fails, they are dropped; else they become the table's."""
        touched: dict[str, tuple[LocalTable, list[Key]]] = {}
        for item in transact_items:
            write = next(iter(item.values()))
            try:
                table = self.get_table(write["TableName"])
            except ResourceNotFoundException:
                continue  # moto will say so
            if not isinstance(table, LocalTable) or table.stream_shard is not None:
                super().transact_write_items(transact_items)  # a stream would tell of what is dropped
                return
            key = table.key_of(write.get("Item") or write["Key"])
            touched.setdefault(table.name, (table, []))[1].extend([key] if key else [])
        excerpts = [Excerpt(table, keys) for table, keys in touched.values()]  # type: ignore[abstract]  # moto declares methods it does not need here
        desk = DynamoDBBackend(self.region_name, self.account_id)
        desk.tables.update({excerpt.name: excerpt for excerpt in excerpts})
        desk.transact_write_items(transact_items)
        for excerpt in excerpts:
            excerpt.table.adopt(excerpt)


def install() -> None:
    """Every DynamoDB backend that moto makes from now on is ours."""
    dynamodb_backends.backend = LocalDynamo
    for model in (Item, Excerpt):  # moto remembers each that ever was, answers too, for a page that is not served here
        model.instances_tracked = deque(maxlen=0)  # type: ignore[union-attr]  # set by its metaclass
    SERVICE_SPECIFIC_SERIALIZERS["dynamodb"] = {"json": AttributeSerializer}
    setattr(responses, "dynamo_to_dict", to_plain)  # noqa: B010 - mypy: imported there, and replaced for good
