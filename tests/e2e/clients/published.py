"""The requests of LicenseSpring's Postman collection for the Management API, as data.

The collection is public on GitHub, in `stier1ba/licensespring-mcp`, and was read in November 2026.
Nothing is copied: each request was retyped with values of our own, and with keys that the published
pages document for its answer. The samples of answers in the collection are empty.

Of its 102 requests, 24 are left out because they concern only devices and analytics: the folders
Device (9) and Analytics (7); activation histories (3), usage histories (2) and the export of a
license's history, which consist of what devices did; the reset of a license's devices; and the
check of a license by its hardware id.

A request that names an identity keeps it, as the rules of Keywright require: the e-mail of an
edited customer, and the code of an edited feature. An assigned user has no activations.
"""

from tests.e2e.clients.calls import Call

LEFT_OUT = 24
_LICENSES, _USERS = "Licenses operation", "License users"
_FIELDS, _IMPORT = "License custom fields", "Import license"
_FEATURE_IMPORT, _ORDERS, _CUSTOMERS = "Import license features", "Orders", "Customers"
_PRODUCTS, _FILES = "Product", "Installation files"
_PRODUCT_FIELDS, _FEATURES = "Product custom fields", "Product feature"

_LISTED = ("count", "next", "previous", "results")
_LICENSE = ("id", "license_key", "status", "product.id", "order", "license_type", "metadata")
_SHOWN_LICENSE = (*_LICENSE, "product_features", "license_users", "max_activations")
_USER = ("id", "email", "true_email", "first_name", "last_name", "phone_number", "is_active")
_RESULT = ("id", "file_name", "status", "created_at", "started_at", "finished_at", "result")
_ORDER = ("id", "store_id", "order_items", "customer", "created_at", "is_test", "is_trial")
_CUSTOMER = ("id", "email", "first_name", "last_name", "company_name", "phone", "reference")
_PRODUCT = ("id", "product_name", "short_code", "authorization_method", "active", "is_bundle")
_FEATURE = ("id", "name", "code", "feature_type", "max_consumption", "allow_overages")


def _of_first(*keys: str) -> tuple[str, ...]:
    return (*_LISTED, *(f"results.0.{key}" for key in keys))


_BODY_OF_FEATURE = {
    "feature_type": "consumption",
    "max_consumption": 5,
    "allow_overages": False,
    "max_overages": 0,
    "reset_consumption": False,
    "consumption_period": "monthly",
}
_BODY_OF_CUSTOMER = {
    "first_name": "Ana",
    "last_name": "Ruiz",
    "company_name": "Acme",
    "phone": "+1",
    "reference": "crm-2",
    "address": "Street 1",
    "postcode": "10000",
    "city": "Town",
    "country": "HR",
    "state": "ZG",
    "customer_account": 1,
}
_BODY_OF_ORDER = {
    "id": "p-1",
    "append": True,
    "is_test": False,
    "created": "2026-03-15 22:13:01",
    "order_type": "normal",
    "reference": "r-1",
    "language": "en",
    "campaign_params": "cpg=web,src=shop",
    "download_id": "d-1",
    "customer": {
        "email": "p@x.test",
        "first_name": "Pia",
        "last_name": "Ott",
        "company_name": "Acme",
        "phone": "+1",
        "reference": "crm-3",
    },
    "items": [
        {
            "product_code": "kp",
            "licenses": [
                {
                    "key": "P-1",
                    "max_activations": 3,
                    "license_type": "consumption",
                    "max_consumptions": 10_000,
                    "valid_duration": "1y",
                    "enable_maintenance_period": True,
                    "maintenance_duration": "3d",
                    "validity_period": "2031-10-15 00:00:00",
                    "product_features": [{"code": "credits", "max_consumption": 33}],
                    "custom_fields": [{"name": "Seat", "value": "A"}, {"name": "Row", "value": 1}],
                    "is_trial": False,
                }
            ],
        }
    ],
    "prevent_vm": False,
}
_LIC, _USER_LIC = "/licenses/{license}", "/licenses/{user_license}"

PUBLISHED = (
    Call(_LICENSES, "GET", "/licenses/", "limit=100", reads=_of_first(*_LICENSE)),
    Call(_LICENSES, "GET", _LIC, reads=_SHOWN_LICENSE),
    Call(
        _LICENSES,
        "PATCH",
        "/licenses/bulk_update/",
        body=[
            {"id": "{license}", "is_trial": 1},
            {"id": "{other_license}", "is_trial": 1, "enable_maintenance_period": 1},
        ],
        reads=("0.id", "1.id"),
    ),
    Call(
        _LICENSES,
        "POST",
        f"{_LIC}/update_features/",
        body={
            "product_features": [
                {"product_feature": "{feature}", "max_consumption": 88, "total_consumptions": 0}
            ]
        },
        reads=(
            "id",
            "product_features.0.product_feature.code",
            "product_features.0.max_consumption",
            "product_features.0.total_consumptions",
        ),
    ),
    Call(_LICENSES, "POST", "/licenses/disable_bulk/", body=["{license}", "{other_license}"]),
    Call(_LICENSES, "POST", f"{_LIC}/enable/", reads=("status",)),
    Call(_LICENSES, "POST", "/licenses/disable_bulk/", body=["{license}", "{other_license}"]),
    Call(_LICENSES, "PATCH", f"{_LIC}/", body={"total_consumptions": 0}, reads=_SHOWN_LICENSE),
    Call(
        _LICENSES,
        "POST",
        f"{_USER_LIC}/assign_user/",
        body={
            "email": "new@x.test",
            "first_name": "New",
            "last_name": "User",
            "phone_number": "+1",
            "is_manager": False,
            "password": "correct horse",
            "max_activations": 500,
            "total_activations": 0,
        },
        reads=("message", "new_password"),
    ),
    Call(
        _LICENSES,
        "POST",
        f"{_USER_LIC}/assign_users/",
        body={
            "emails": [
                {"email": "one@x.test", "is_manager": True},
                {"email": "two@x.test", "is_manager": False},
            ]
        },
        reads=("0.email", "0.new_user", "0.password", "1.email", "1.new_user", "1.password"),
    ),
    Call(
        _LICENSES,
        "POST",
        f"{_USER_LIC}/set_users_activations/",
        body={"{user}": {"max_activations": 200, "reset_total_activations": True}},
    ),
    Call(
        _LICENSES,
        "POST",
        f"{_USER_LIC}/unassign_user/",
        body={"license_user_id": "{user}"},
        reads=("message",),
    ),
    Call(
        _LICENSES, "POST", "/license-users/{user}/set_password/", body={"password": "correct horse"}
    ),
    Call(
        _LICENSES,
        "POST",
        "/license-users/set_password/",
        "email={user_email}",
        body={"password": "correct horse"},
    ),
    Call(_LICENSES, "GET", "/orders/generate_license/", "product=kp&quantity=1", reads=("0",)),
    Call(_LICENSES, "PATCH", f"{_LIC}/", body={"max_activations": 5}, reads=_SHOWN_LICENSE),
    Call(_USERS, "GET", "/license-users/", status=400),
    Call(_USERS, "GET", "/license-users/{user}", reads=_USER),
    Call(_USERS, "PATCH", "/license-users/{user}/", body={"first_name": "Ana"}, reads=_USER),
    Call(_FIELDS, "GET", "/license-custom-fields/", status=404),
    Call(_FIELDS, "GET", "/license-custom-fields/1/", status=404),
    Call(_FIELDS, "POST", "/license-custom-fields/", body={}, status=404),
    Call(_FIELDS, "PATCH", "/license-custom-fields/1/", body={}, status=404),
    Call(_FIELDS, "DELETE", "/licenses/{spare_license}/", status=204),
    Call(_IMPORT, "POST", "/licenses/import_from_csv/", file="licenses", reads=("job_id",)),
    Call(_IMPORT, "GET", "/licenses-import-results/", reads=_of_first(*_RESULT)),
    Call(_IMPORT, "GET", "/licenses-import-results/{licenses_import}", reads=_RESULT),
    Call(
        _FEATURE_IMPORT,
        "POST",
        "/licenses/import_features_from_csv/",
        file="license-features",
        reads=("job_id",),
    ),
    Call(_FEATURE_IMPORT, "GET", "/license-features-import-results/", reads=_of_first(*_RESULT)),
    Call(
        _FEATURE_IMPORT,
        "GET",
        "/license-features-import-results/{license_features_import}",
        reads=_RESULT,
    ),
    Call(_ORDERS, "GET", "/orders/", reads=_of_first(*_ORDER)),
    Call(_ORDERS, "GET", "/orders/{order}", reads=(*_ORDER, "order_items.0.licenses.0.id")),
    Call(_ORDERS, "PATCH", "/orders/{order}", body={"store_id": "r-9"}, status=405),
    Call(_ORDERS, "GET", "/orders/{order}/export/", reads=("license__license_key",)),
    Call(_ORDERS, "GET", "/orders/export/", "range=last30", reads=("license__license_key",)),
    Call(_ORDERS, "POST", "/orders/create_order/", body=_BODY_OF_ORDER, reads=_ORDER),
    Call(_ORDERS, "GET", "/orders/{order}/managers/", status=404),
    Call(_ORDERS, "POST", "/orders/{order}/add_manager/", body={}, status=404),
    Call(_ORDERS, "POST", "/orders/{order}/remove_manager/", body={}, status=404),
    Call(_CUSTOMERS, "GET", "/customers/", "limit=100", reads=_of_first(*_CUSTOMER)),
    Call(_CUSTOMERS, "GET", "/customers/{customer}/", reads=(*_CUSTOMER, "total_licenses")),
    Call(
        _CUSTOMERS,
        "POST",
        "/customers/",
        body={"email": "c@x.test", **_BODY_OF_CUSTOMER},
        status=201,
        reads=_CUSTOMER,
    ),
    Call(
        _CUSTOMERS,
        "PATCH",
        "/customers/{customer}/",
        body={"email": "{email}", **_BODY_OF_CUSTOMER},
        reads=_CUSTOMER,
    ),
    Call(_CUSTOMERS, "POST", "/customers/{customer}/merge/", body={}, status=404),
    Call(_CUSTOMERS, "GET", "/customers/export/", reads=("email", "company_name", "reference")),
    Call(_CUSTOMERS, "POST", "/customers/import_from_csv/", file="customers", reads=("job_id",)),
    Call(
        _CUSTOMERS,
        "GET",
        "/customers-import-results/",
        "limit=30&status_iexact=success",
        reads=_LISTED,
    ),
    Call(_CUSTOMERS, "GET", "/customers-import-results/{customers_import}/", reads=_RESULT),
    Call(_CUSTOMERS, "GET", "/clabels/", status=404),
    Call(_CUSTOMERS, "GET", "/clabels/1/", status=404),
    Call(_CUSTOMERS, "POST", "/clabels/", body={}, status=404),
    Call(_CUSTOMERS, "PATCH", "/clabels/1/", body={}, status=404),
    Call(_CUSTOMERS, "POST", "/customerclabels/", body={}, status=404),
    Call(_CUSTOMERS, "DELETE", "/customerclabels/1", status=404),
    Call(_CUSTOMERS, "DELETE", "/clabels/1/", status=404),
    Call(_CUSTOMERS, "DELETE", "/customers/{spare_customer}/", status=204),
    Call(_CUSTOMERS, "GET", "/customer-accounts/", status=404),
    Call(_CUSTOMERS, "GET", "/customer-accounts/1/", status=404),
    Call(_CUSTOMERS, "POST", "/customer-accounts/", body={}, status=404),
    Call(_CUSTOMERS, "PATCH", "/customer-accounts/1/", body={}, status=404),
    Call(_CUSTOMERS, "DELETE", "/customer-accounts/1/", status=404),
    Call(_PRODUCTS, "GET", "/products/", reads=_of_first(*_PRODUCT)),
    Call(_PRODUCTS, "GET", "/products/{product}/", reads=_PRODUCT),
    Call(_PRODUCTS, "GET", "/products/{bundle}/bundle/", reads=("0.id", "0.short_code")),
    Call(_PRODUCTS, "GET", "/products/{member}/in_bundle/", reads=_of_first(*_PRODUCT)),
    Call(_FILES, "GET", "/installation-files/", status=404),
    Call(_FILES, "POST", "/installation-files/", body={}, status=404),
    Call(_FILES, "GET", "/installation-files/1", status=404),
    Call(_PRODUCT_FIELDS, "GET", "/product-custom-fields/", status=404),
    Call(_PRODUCT_FIELDS, "GET", "/product-custom-fields/1/", status=404),
    Call(_PRODUCT_FIELDS, "POST", "/product-custom-fields", body={}, status=404),
    Call(_PRODUCT_FIELDS, "PATCH", "/product-custom-fields/1/", body={}, status=404),
    Call(_PRODUCT_FIELDS, "DELETE", "/product-custom-fields/1/", status=404),
    Call(_FEATURES, "GET", "/product-features/", reads=_of_first(*_FEATURE)),
    Call(_FEATURES, "GET", "/product-features/{feature}/", reads=_FEATURE),
    Call(
        _FEATURES,
        "POST",
        "/product-features/",
        body={"name": "Pages", "code": "pages", "product": "{product}", **_BODY_OF_FEATURE},
        status=201,
        reads=_FEATURE,
    ),
    Call(
        _FEATURES,
        "PATCH",
        "/product-features/{feature}/",
        body={"name": "Credit", "code": "credits", **_BODY_OF_FEATURE},
        reads=_FEATURE,
    ),
    Call(_FEATURES, "DELETE", "/product-features/{feature}/", status=405),
)
