"""The main job, end to end: a VCF goes in by the pages, pushes carry it, the annotated result and an e-mail come out."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
from html import unescape

import requests

from tests.person import Person
from tests.whole import Gas, wait_for

VCF = (
    "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    "chrM\t11778\t.\tG\tA\t.\tPASS\t.\nchrM\t3243\t.\tA\tG\t.\tPASS\t.\nchrM\t1000\t.\tT\t<DEL>\t.\tPASS\t.\n"
)


def vcf_lines(data: bytes) -> list[str]:
    """Lines of a bgzipped VCF."""
    return gzip.GzipFile(fileobj=io.BytesIO(data)).read().decode().splitlines()


def test_the_example_is_annotated_and_its_owner_is_written_to_once(gas: Gas, demo: Person) -> None:
    job_id = demo.start_example()
    assert demo.wait_until_final(job_id) == "COMPLETED"
    link = f"{gas.base_url}/jobs/{job_id}"
    wait_for("the e-mail", lambda: [mail for mail in gas.mails("demo@example.org") if link in mail["text"]])
    assert len([mail for mail in gas.mails() if link in mail["text"]]) == 1
    page = demo.page(f"/jobs/{job_id}")
    assert "MT-ND4" in page
    assert "records in" in page


def test_an_uploaded_file_comes_back_annotated(demo: Person) -> None:
    job_id = demo.upload("my variants.vcf", VCF.encode())
    assert demo.wait_until_final(job_id) == "COMPLETED"
    lines = vcf_lines(demo.download(job_id, "vcf"))
    [nd4] = [line for line in lines if "\t11778\t" in line]
    assert "missense_variant" in nd4
    assert "Arg340His" in nd4
    tsv = gzip.decompress(demo.download(job_id, "tsv")).decode()
    assert "MT-TL1" in tsv
    assert demo.download(job_id, "tbi")[:2] == b"\x1f\x8b"
    log = demo.page(f"/jobs/{job_id}/log")
    assert "&lt;DEL&gt;" in log or "symbolic" in log


def test_the_ledger_on_the_page_counts_every_record(demo: Person) -> None:
    job_id = demo.upload("ledger.vcf", VCF.encode())
    demo.wait_until_final(job_id)
    ledger = demo.job(job_id)["ledger"]
    assert int(ledger["records_in"]["N"]) == 3
    assert int(ledger["annotated"]["N"]) == 2


def test_a_download_carries_the_owners_file_name(demo: Person) -> None:
    job_id = demo.upload("Zoë's “trio”; final.vcf", VCF.encode())
    demo.wait_until_final(job_id)
    answer = demo.ask("GET", f"/jobs/{job_id}/files/vcf", allow_redirects=False)
    header = requests.get(answer.headers["Location"], timeout=10).headers["Content-Disposition"]
    assert "filename*=UTF-8''" in header
    assert ".annotated.vcf.gz" in header


def test_a_broken_file_fails_with_a_sentence_and_an_email_and_disturbs_nothing(gas: Gas, demo: Person) -> None:
    broken = demo.upload("broken.vcf.gz", gzip.compress(VCF.encode())[:-20])
    fine = demo.upload("fine.vcf", VCF.encode())
    assert demo.wait_until_final(broken) == "FAILED"
    assert demo.wait_until_final(fine) == "COMPLETED"
    assert "How to mend it" in demo.page(f"/jobs/{broken}")
    wait_for("the e-mail", lambda: [mail for mail in gas.mails() if f"/jobs/{broken}" in mail["text"]])


def test_pasted_variants_are_annotated(demo: Person) -> None:
    job_id = demo.paste("m.3243A>G\nMT:11778:G:A\n")
    assert demo.wait_until_final(job_id) == "COMPLETED"
    assert "MT-TL1" in demo.page(f"/jobs/{job_id}")


def test_the_variants_on_the_home_page_are_shown_as_gas_annotates_them(gas: Gas, demo: Person) -> None:
    shown = re.findall(r"<tr><td>(.*?)</td><td>(.*?)</td><td>(.*?)</td></tr>", Person(gas).page("/"), re.DOTALL)
    assert len(shown) == 3
    words = [[unescape(re.sub(r"<[^>]*>", " ", cell)).split() for cell in row] for row in shown]
    job_id = demo.paste("\n".join(variant for (variant, _), _, _ in words))
    assert demo.wait_until_final(job_id) == "COMPLETED"
    rows = list(csv.DictReader(io.StringIO(gzip.decompress(demo.download(job_id, "tsv")).decode()), delimiter="\t"))
    for (variant, gene), consequence, known in words:
        [row] = [row for row in rows if row["hgvs_g"].endswith(variant) and row["gene"] == gene]
        assert set(consequence) <= {*re.split(r"[_&]", row["consequence"]), row["hgvs_p"].rpartition(":")[2]}
        assert known == [row["clinvar_significance"]]


def test_a_finished_job_can_be_run_again_and_its_owner_is_written_to_again(gas: Gas, demo: Person) -> None:
    job_id = demo.paste("m.3243A>G")
    demo.wait_until_final(job_id)
    wait_for("the first e-mail", lambda: [mail for mail in gas.mails() if f"/jobs/{job_id}" in mail["text"]])
    demo.fill(f"/jobs/{job_id}", f"/jobs/{job_id}/run", {"run": "1"})
    demo.fill(f"/jobs/{job_id}", f"/jobs/{job_id}/run", {"run": "1"})
    wait_for("the second e-mail", lambda: len([mail for mail in gas.mails() if f"/jobs/{job_id}" in mail["text"]]) == 2)
    assert demo.job(job_id)["run"] == "2"


def test_a_deleted_job_is_gone_with_its_files(gas: Gas, demo: Person) -> None:
    job_id = demo.upload("gone.vcf", VCF.encode())
    demo.wait_until_final(job_id)
    demo.fill(f"/jobs/{job_id}/delete", f"/jobs/{job_id}/delete")
    assert demo.ask("GET", f"/jobs/{job_id}").status_code == 404
    outputs = gas.stack_outputs()
    for bucket in (outputs["InputsBucket"], outputs["ResultsBucket"]):
        listed = gas.aws("s3").list_objects_v2(Bucket=bucket).get("Contents", [])
        assert not [item for item in listed if job_id in item["Key"]]


def test_bob_sees_nothing_of_alices(alice: Person, bob: Person) -> None:
    job_id = alice.paste("m.3243A>G")
    alice.wait_until_final(job_id)
    for path in ("", "/live", "/log", "/files/vcf", "/files/tsv", "/files/log", "/delete"):
        assert bob.ask("GET", f"/jobs/{job_id}{path}").status_code == 404, path
    assert job_id not in bob.page("/jobs")


def test_a_person_who_forgot_the_password_chooses_a_new_one_once(gas: Gas) -> None:
    Person(gas).join("dora@example.org", password="the old passphrase")
    dora = Person(gas)
    dora.fill("/forgot-password", "/forgot-password", {"email": "dora@example.org"})
    link = dora.link_mailed_to("dora@example.org", "/reset-password/")
    dora.fill(link, link, {"password": "the new passphrase"})
    Person(gas).sign_in("dora@example.org", "the new passphrase")
    assert Person(gas).ask("GET", link).status_code == 410


def test_an_address_that_bounces_is_not_written_to_again(gas: Gas) -> None:
    event = {
        "eventType": "Bounce",
        "mail": {"messageId": "m", "destination": ["edna@example.org"]},
        "bounce": {"bounceType": "Permanent"},
    }
    edna = Person(gas).join("edna@example.org", name="Edna")
    sns, outputs = gas.aws("sns"), gas.stack_outputs()
    sns.publish(TopicArn=outputs["MailFeedbackTopic"], Message=json.dumps(event))

    def blocked() -> bool:
        items = gas.aws("dynamodb").scan(TableName=outputs["UsersTable"])["Items"]
        return any(item.get("mail_blocked", {}).get("S") == "bounce" for item in items)

    wait_for("the block", blocked)
    before = len(gas.mails("edna@example.org"))
    job_id = edna.paste("m.3243A>G")
    assert edna.wait_until_final(job_id) == "COMPLETED"
    control = Person(gas).sign_in()
    other = control.paste("m.3243A>G")
    wait_for("a later job's e-mail", lambda: [mail for mail in gas.mails() if f"/jobs/{other}" in mail["text"]])
    assert len(gas.mails("edna@example.org")) == before


def test_every_page_forbids_inline_scripts_and_foreign_origins(gas: Gas, demo: Person) -> None:
    for path in ("/", "/jobs", "/jobs/new"):
        answer = demo.ask("GET", path)
        policy = answer.headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        assert not re.search(r'(src|href)="https?://(?!127\.0\.0\.1)', answer.text)
