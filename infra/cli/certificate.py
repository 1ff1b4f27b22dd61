"""Check of the ACM certificate for a stage's custom domain."""

from collections.abc import Iterator
from contextlib import closing

import boto3

from infra.cli.findings import Checked, ok, refused


def check_certificate(
    session: boto3.Session, *, domain_name: str, certificate_arn: str
) -> Iterator[Checked]:
    """Check that the certificate is in the stack's region, is issued, and covers the domain."""
    if not domain_name:
        yield ok("the stage has no custom domain")
        return
    region = str(session.region_name)
    parts = certificate_arn.split(":")
    if len(parts) != 6 or parts[2] != "acm":
        yield refused(
            f"certificate_arn={certificate_arn} is not the ARN of an ACM certificate: copy it"
            f" from aws acm list-certificates --region {region}."
        )
    elif parts[3] != region:
        yield refused(
            f"certificate_arn is in {parts[3]}, and the stack goes to {region}: request a"
            f" certificate for {domain_name} in {region} (aws acm request-certificate)."
        )
    else:
        yield _check_issued(session, domain_name, certificate_arn)


def _check_issued(session: boto3.Session, domain_name: str, arn: str) -> Checked:
    region = session.region_name
    with closing(session.client("acm")) as acm:
        try:
            found = acm.describe_certificate(CertificateArn=arn)["Certificate"]
        except acm.exceptions.ResourceNotFoundException:
            return refused(
                f"There is no certificate {arn} in this account: copy certificate_arn from"
                f" aws acm list-certificates --region {region}."
            )
    names = {found["DomainName"], *found.get("SubjectAlternativeNames", ())}
    if not any(_covers(name, domain_name) for name in names):
        return refused(
            f"The certificate of certificate_arn is for {', '.join(sorted(names))} and does not"
            f" cover domain_name={domain_name}: request one that does, in {region}."
        )
    if found["Status"] != "ISSUED":
        return refused(
            f"The certificate of certificate_arn is {found['Status']}, not ISSUED: create the DNS"
            f" records that aws acm describe-certificate --certificate-arn {arn} lists, and wait."
        )
    return ok(f"the certificate covers {domain_name} and is issued")


def _covers(name: str, domain_name: str) -> bool:
    """Return whether a certificate's name covers the domain; a wildcard covers one label."""
    if name.startswith("*."):
        return domain_name.partition(".")[2].lower() == name[2:].lower()
    return name.lower() == domain_name.lower()
