"""What seldom happens, all the way through: an account is closed, a day ends, an operator looks somebody up."""

from __future__ import annotations

from tests import calls
from tests.person import Person
from tests.whole import Gas, wait_for

OPERATOR = ("operator@example.org", "powerhouse-of-the-cell")


def test_a_closed_account_leaves_nothing_behind(gas: Gas) -> None:
    charlie = Person(gas).join("charlie@example.org", name="Charlie")
    job_id = charlie.start_example()
    assert charlie.wait_until_final(job_id) == "COMPLETED"
    user_id = charlie.job(job_id)["user_id"]
    outputs, dynamodb, s3 = gas.stack_outputs(), gas.aws("dynamodb"), gas.aws("s3")
    charlie.fill("/account/delete", "/account/delete", {"password": "correct horse battery"})

    def is_gone() -> bool:
        account = dynamodb.get_item(TableName=outputs["UsersTable"], Key={"user_id": {"S": user_id}})
        job = dynamodb.get_item(TableName=outputs["JobsTable"], Key={"job_id": {"S": job_id}})
        files = [
            s3.list_objects_v2(Bucket=outputs[bucket], Prefix=f"{user_id}/")["KeyCount"]
            for bucket in ("InputsBucket", "ResultsBucket")
        ]
        return "Item" not in account and "Item" not in job and files == [0, 0]

    wait_for("the end of the account", is_gone)


def test_every_day_all_who_pay_are_looked_through(gas: Gas) -> None:
    gas.aws("sns").publish(TopicArn=gas.stack_outputs()["DailyTopic"], Message="{}")
    wait_for(
        "the reconciliation", lambda: ("dynamodb:Scan", "table/UsersTable") in calls.made(gas).get("util_hook", set())
    )


def test_an_operator_sees_whose_a_job_is_and_what_became_of_its_messages(gas: Gas, demo: Person) -> None:
    job_id = demo.start_example()
    demo.wait_until_final(job_id)
    operator = Person(gas).sign_in(*OPERATOR)
    assert "/operators/messages/job-requests/" in operator.page(f"/operators/jobs/{job_id}")
    assert job_id in operator.page(f"/operators/users/{demo.job(job_id)['user_id']}")
