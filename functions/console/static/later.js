// The second bundle: pages that are fetched after the first one, on first use or when the network is idle.

export { Activity } from "./pages/activity.js";
export { ApiKeys } from "./pages/api_keys.js";
export { ExportDialog } from "./imports/export_dialog.js";
export { Imports } from "./imports/imports.js";
export { NewOrder } from "./pages/order_new.js";
export { Search } from "./pages/search.js";
export { Shortcuts } from "./pages/shortcuts.js";
export { BulkActions } from "./licenses/bulk.js";
export { License } from "./licenses/license.js";
