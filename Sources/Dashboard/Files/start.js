// Loads the dashboard. When a part of it does not arrive, as when the machine's network changes meanwhile, once more.

import("./app.js").catch((error) => {
  console.error(error);
  if (performance.getEntriesByType("navigation")[0]?.type !== "reload") location.reload();
});
