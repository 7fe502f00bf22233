"""The one way in which a plan changes: what Stripe says now is stored, and whoever has to know is told.

Events, the return from Checkout and the daily reconciliation all end here. None of them brings the plan along, so it
does not matter in which order they come, how often, or whether somebody made them up.
"""

from __future__ import annotations

from datetime import datetime

from shared.core.billing import Billing, plan_of
from shared.core.errors import Conflict, Unavailable
from shared.core.messages import AccountChanged
from shared.core.ports import Topics, Users
from shared.core.users import User

_ATTEMPTS = 5


def refresh(
    user_id: str,
    *,
    billing: Billing,
    users: Users,
    topics: Topics,
    account_changes_topic: str,
    now: datetime,
    request_id: str = "",
) -> User:
    """The user, with the plan that Stripe knows now.

    It is stored even when it is what was stored before: the version grows, so that somebody who read an older answer
    of Stripe, and is slower, cannot store that afterwards. A change that is not announced yet is announced.

    Raises `Unavailable` when Stripe, DynamoDB or SNS are away, or too many refresh this user at once; `NotFound`.
    """
    for _ in range(_ATTEMPTS):
        user = users.get(user_id)
        if user.customer_id:
            subscription = billing.subscription(user.customer_id)
            try:
                user = users.set_subscription(
                    user_id,
                    version=user.billing_version,
                    subscription=subscription,
                    plan=plan_of(subscription),
                    now=now,
                )
            except Conflict:
                continue  # somebody stored what they read after us, or just before: both are read again
        announce(user, users=users, topics=topics, account_changes_topic=account_changes_topic, request_id=request_id)
        return user
    raise Unavailable("The subscription is being changed by others at the moment.")


def announce(user: User, *, users: Users, topics: Topics, account_changes_topic: str, request_id: str = "") -> None:
    """Publishes `AccountChanged`, unless the latest change was published. Raises `Unavailable`; it may have been
    published then, which is harmless."""
    if user.announced_epoch >= user.plan_epoch:
        return
    message = AccountChanged(user_id=user.user_id, epoch=user.plan_epoch, request_id=request_id)
    topics.publish(account_changes_topic, message.to_json())
    users.announced(user.user_id, epoch=user.plan_epoch)
