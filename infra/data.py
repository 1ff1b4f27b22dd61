"""The tables and the uploads bucket, and the environment variables that name them."""

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import Duration
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.nag import acknowledge
from infra.retention import removal_policy
from infra.stage import Stage

KINDS = ("licenses", "customers", "license-features")
"""Kinds of files; the second folder of an object key, after the company."""

UPLOADED = tuple(f"*/{kind}/*" for kind in KINDS)
RESULTS = "_results/*"
EXPORTS = "_exports/*"
"""Key patterns in the uploads bucket: uploaded files, results of their imports, and exports."""
EXPORT_DAYS = 7
"""Days after which S3 deletes the file of an export; see KEPT in shared/export_job.py."""


@dataclass(frozen=True)
class Store:
    """A table, and the environment variable with its name."""

    table: dynamodb.Table
    env_name: str


class Data(Construct):
    """All tables and the bucket. Every key attribute is a string; see docs/decisions.md."""

    def __init__(
        self, scope: Construct, construct_id: str, *, stage: Stage, key: kms.IKey | None
    ) -> None:
        super().__init__(scope, construct_id)
        self._stage = stage
        self._key = key
        self.access = self._store("Access", "ACCESS_TABLE", "pk")
        _index(self.access, "by_company", ("company", "pk"))
        self.catalog = self._store("Catalog", "CATALOG_TABLE", "pk", "sk")
        warm = _warm(stage)
        self.customers = self._store(
            "Customers", "CUSTOMERS_TABLE", "pk", "sk", warm=warm, stream=True
        )
        _index(self.customers, "by_created", ("listed", "created"), include=("n",), warm=warm)
        self.orders = self._store("Orders", "ORDERS_TABLE", "pk", "sk", warm=warm, stream=True)
        listed, sold = ("n",), ("sold_n", "unsettled")
        _index(self.orders, "by_created", ("listed", "created"), include=listed, warm=warm)
        _index(
            self.orders, "by_customer", ("customer_orders", "created"), include=listed, warm=warm
        )
        _index(self.orders, "by_product", ("sold", "created"), include=sold, warm=warm)
        self.licenses = self._store("Licenses", "LICENSES_TABLE", "pk", warm=warm, stream=True)
        self.imports = self._store("Imports", "IMPORTS_TABLE", "pk", "sk", stream=True)
        self.events = self._store("Events", "EVENTS_TABLE", "pk", "sk", expires="expires")
        _index(self.events, "by_type", ("typed", "sk"))
        self.search = self._store("Search", "SEARCH_TABLE", "pk", "sk", expires="expires")
        self.stores = (
            self.access,
            self.catalog,
            self.customers,
            self.orders,
            self.licenses,
            self.imports,
            self.events,
            self.search,
        )
        self.notifier = iam.Role(
            self, "Notifier", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com")
        )
        """The role that configures the bucket's notifications in a deploy; see infra/imports.py."""
        self.uploads = self._uploads()
        acknowledge(
            self.uploads,
            "S1",
            "CloudTrail can log access to the bucket; access logs would need a second bucket",
        )

    def _store(
        self,
        construct_id: str,
        env_name: str,
        pk: str,
        sk: str | None = None,
        *,
        warm: dynamodb.WarmThroughput | None = None,
        stream: bool = False,
        expires: str | None = None,
    ) -> Store:
        """Add a table; `stream` is for events, and `expires` is the attribute of a time to live."""
        table = dynamodb.Table(
            self,
            construct_id,
            partition_key=_string(pk),
            sort_key=_string(sk) if sk else None,
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            warm_throughput=warm,
            stream=dynamodb.StreamViewType.NEW_AND_OLD_IMAGES if stream else None,
            time_to_live_attribute=expires,
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED if self._key else None,
            encryption_key=self._key,
            removal_policy=removal_policy(self._stage),
            deletion_protection=self._stage.protect,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=self._stage.retain
            ),
        )
        if not self._stage.retain:
            acknowledge(table, "DDB3", "a stage that does not retain its data needs no recovery")
        return Store(table, env_name)

    def _uploads(self) -> s3.Bucket:
        return s3.Bucket(
            self,
            "Uploads",
            versioned=True,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            encryption=s3.BucketEncryption.KMS if self._key else s3.BucketEncryption.S3_MANAGED,
            encryption_key=self._key,
            bucket_key_enabled=True if self._key else None,
            removal_policy=removal_policy(self._stage),
            auto_delete_objects=self._stage.erase,
            lifecycle_rules=self._lifecycle(),
            notifications_handler_role=self.notifier.without_policy_updates(),
        )

    def allow_origins(self, origins: list[str]) -> None:
        """Allow pages of these origins to upload files, and to download by presigned URLs."""
        self.uploads.add_cors_rule(
            allowed_origins=origins,
            allowed_methods=[s3.HttpMethods.POST, s3.HttpMethods.PUT, s3.HttpMethods.GET],
            allowed_headers=["*"],
            exposed_headers=["ETag", "Content-Disposition"],
            max_age=3600,
        )

    def _lifecycle(self) -> list[s3.LifecycleRule]:
        """Return rules that delete files, which contain personal data and license keys."""
        stage = self._stage
        # There are two rules because S3 rejects one: ExpiredObjectDeleteMarker "cannot be specified
        # with Days or Date in a Lifecycle Expiration Policy" (API reference, LifecycleExpiration).
        # And CloudFormation does not accept it as the only action of a rule: "At least one of
        # [ExpirationDate, ExpirationInDays, AbortIncompleteMultipartUpload, …] needs to be
        # specified".
        rules = [
            s3.LifecycleRule(
                abort_incomplete_multipart_upload_after=Duration.days(2),
                noncurrent_version_expiration=Duration.days(stage.old_version_days),
                expired_object_delete_marker=True if stage.upload_days else None,
            )
        ]
        rules.append(
            s3.LifecycleRule(
                prefix=EXPORTS.removesuffix("*"),
                expiration=Duration.days(EXPORT_DAYS),
                noncurrent_version_expiration=Duration.days(1),
            )
        )
        if stage.upload_days:
            rules.append(s3.LifecycleRule(expiration=Duration.days(stage.upload_days)))
        return rules


def _string(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)


def _warm(stage: Stage) -> dynamodb.WarmThroughput | None:
    """Return the warm throughput of tables and indexes; a throttled index throttles its table."""
    if not stage.warm_throughput:
        return None
    return dynamodb.WarmThroughput(write_units_per_second=stage.warm_throughput)


def _index(
    store: Store,
    name: str,
    keys: tuple[str, str],
    *,
    include: Sequence[str] | None = None,
    warm: dynamodb.WarmThroughput | None = None,
) -> None:
    """Add an index that projects all attributes, or only the keys and `include`."""
    projection = dynamodb.ProjectionType.ALL
    if include is not None:
        projection = (
            dynamodb.ProjectionType.INCLUDE if include else dynamodb.ProjectionType.KEYS_ONLY
        )
    pk, sk = keys
    store.table.add_global_secondary_index(
        index_name=name,
        partition_key=_string(pk),
        sort_key=_string(sk),
        projection_type=projection,
        non_key_attributes=list(include) if include else None,
        warm_throughput=warm,
    )
