"""Aliases of our columns, and headers that other systems give to them.

Synonyms, in English, German, French and Spanish, are only for suggestions: a file with such a
header is imported when its author has confirmed the suggestion by a mapping. Headers are compared
without case, separators and accents.
"""

from collections.abc import Mapping

ALIASES: Mapping[str, str] = {"license__license_template_code": "license__policy_code"}
"""Columns by their other names, which requests of the API have too."""

CUSTOM_FIELDS = "license__custom_fields"
CUSTOM_PREFIX = "license__custom__"
"""Begins the header of a column with the values of one custom field, `license__custom__<name>`."""

SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "license_key": (
        *("key", "serial", "serial number", "serial key", "activation key", "product key"),
        *("license code", "licence key", "licence", "license number"),
        *("Lizenzschlüssel", "Lizenzschluessel", "Lizenz", "Schlüssel", "Seriennummer"),
        *("Lizenznummer", "Lizenzcode", "Aktivierungsschlüssel"),
        *("clé de licence", "clé", "numéro de série", "clé d'activation"),
        *("clave de licencia", "clave", "licencia", "número de serie"),
    ),
    "short_code": (
        *("product", "product code", "product id", "product sku", "sku", "item code", "article"),
        *("Produkt", "Produktcode", "Produktkürzel", "Produktnummer", "Artikel", "Artikelnummer"),
        *("produit", "code produit", "référence produit"),
        *("producto", "código de producto", "código del producto", "artículo"),
    ),
    "enabled": ("is enabled", "aktiviert", "activé", "habilitado"),
    "license_type": (
        *("licence type", "type of license", "Lizenztyp", "Lizenzart", "type de licence"),
        "tipo de licencia",
    ),
    "max_activations": (
        *("activation limit", "activations limit", "activations allowed", "allowed activations"),
        *("activations max", "max machines", "machine limit", "max devices", "device limit"),
        *("maximum activations", "seats", "times activated max", "maxcount"),
        *("max. Aktivierungen", "maximale Aktivierungen", "Aktivierungen", "Aktivierungslimit"),
        *("activations maximum", "nombre d'activations", "limite d'activations"),
        *("activaciones", "activaciones máximas", "límite de activaciones"),
    ),
    "valid_duration": (
        *("duration", "license duration", "validity", "valid for", "Laufzeit", "Gültigkeitsdauer"),
        *("durée", "durée de validité", "duración", "vigencia"),
    ),
    "validity_period": (
        *("expires", "expires at", "expires on", "expiry", "expiry date", "expiration"),
        *("expiration date", "expire date", "valid until", "valid to", "end date", "date expires"),
        *("expired at", "Ablaufdatum", "läuft ab", "läuft ab am", "gültig bis", "Enddatum"),
        *("date d'expiration", "expire le", "valable jusqu'au", "date de fin"),
        *("fecha de vencimiento", "fecha de caducidad", "caduca", "vence", "válido hasta"),
    ),
    "maintenance_period": (
        *("maintenance until", "maintenance end", "support until", "updates until"),
        *("maintenance expiry", "Wartung bis", "fin de maintenance", "mantenimiento hasta"),
    ),
    "trial_days": ("trial length", "trial period", "Testtage", "jours d'essai", "días de prueba"),
    "floating_users": (
        *("concurrent users", "floating seats", "max users floating", "gleichzeitige Nutzer"),
        *("utilisateurs simultanés", "usuarios simultáneos"),
    ),
    "max_consumptions": ("usage limit", "max uses", "uses limit", "consumption limit"),
    "policy_code": ("policy", "license policy", "license template", "license template code"),
    "subscription_id": (
        *("subscription", "subscription number", "Abonnement", "Abo", "Abonummer", "abonnement"),
        *("numéro d'abonnement", "suscripción"),
    ),
    "note": (
        *("notes", "comment", "comments", "remark", "remarks", "Notiz", "Notizen", "Bemerkung"),
        *("Bemerkungen", "Kommentar", "Anmerkung", "remarque", "remarques", "commentaire"),
        *("nota", "notas", "comentario", "comentarios", "observaciones"),
    ),
    "users": (
        *("license users", "assigned users", "named users", "user emails", "users of the license"),
        *("zugewiesene Benutzer", "Lizenzbenutzer", "utilisateurs assignés", "usuarios asignados"),
    ),
    "start_date": (
        *("valid from", "starts at", "begins at", "starts on", "Startdatum", "gültig ab"),
        *("date de début", "valable à partir du", "fecha de inicio", "válido desde"),
    ),
    "store_id": (
        *("order id", "order number", "order no", "order", "invoice", "invoice number"),
        *("transaction id", "purchase id", "payment id", "Bestellnummer", "Bestellung"),
        *("Auftragsnummer", "Rechnungsnummer", "numéro de commande", "commande"),
        *("numéro de facture", "número de pedido", "pedido", "número de factura"),
    ),
    "created_at": (
        *("order date", "ordered at", "purchase date", "date of purchase", "purchased at"),
        *("Bestelldatum", "Kaufdatum", "Auftragsdatum", "date de commande", "date d'achat"),
        *("fecha de pedido", "fecha de compra"),
    ),
    "email": (
        *("mail", "e-mail address", "email address", "user email", "buyer email", "client email"),
        *("licensee email", "owner email", "billing email", "purchase email"),
        *("E-Mail-Adresse", "Mailadresse", "Kunden-E-Mail", "courriel", "adresse e-mail"),
        *("adresse courriel", "adresse mail", "correo", "correo electrónico"),
        *("dirección de correo", "correo electrónico del cliente"),
    ),
    "first_name": ("given name", "forename", "Vorname", "prénom", "nombre", "nombre de pila"),
    "last_name": (
        *("surname", "family name", "Nachname", "Familienname", "nom", "nom de famille"),
        *("apellido", "apellidos"),
    ),
    "company_name": (
        *("company", "organization", "organisation", "business name", "Firma", "Firmenname"),
        *("Unternehmen", "société", "entreprise", "nom de l'entreprise", "raison sociale"),
        *("empresa", "nombre de la empresa", "compañía", "razón social"),
    ),
    "phone": (
        *("phone number", "telephone", "tel", "mobile", "Telefon", "Telefonnummer", "Mobil"),
        *("téléphone", "numéro de téléphone", "teléfono", "número de teléfono", "móvil"),
    ),
    "reference": (
        *("customer id", "customer number", "customer no", "client id", "crm id", "account number"),
        *("Kundennummer", "Kundennr", "Referenz", "numéro de client", "référence client"),
        *("número de cliente", "referencia"),
    ),
    "address": (
        *("street", "street address", "address line 1", "address 1", "Straße", "Strasse"),
        *("Adresse", "Anschrift", "rue", "calle", "dirección", "domicilio"),
    ),
    "postcode": (
        *("zip", "zip code", "postal code", "PLZ", "Postleitzahl", "code postal"),
        "código postal",
    ),
    "state": (
        *("province", "region", "county", "Bundesland", "région", "provincia", "región"),
        "estado",
    ),
    "city": ("town", "Stadt", "Ort", "Wohnort", "ville", "ciudad", "localidad", "población"),
    "country": ("country code", "Land", "Länderkürzel", "pays", "país"),
    "code": ("feature", "feature code", "Funktion", "Merkmal", "fonctionnalité", "función"),
}
"""By the name of a column without its prefix, such as `license__`."""
