import { apiDocument } from './openapi.ts';
import type { ApiDeps } from './deps.ts';
import { LiveConnections } from './live/connections.ts';
import type { Route } from './route.ts';
import { auditRoutes } from './routes/audit.ts';
import { catalogRoutes } from './routes/catalog.ts';
import { audienceRoutes } from './routes/audiences.ts';
import { deadLetterRoutes } from './routes/dead-letters.ts';
import { deliveryOverviewRoutes } from './routes/delivery-overview.ts';
import { deploymentRoutes } from './routes/deployment.ts';
import { deliveryStreamRoute } from './routes/delivery-stream.ts';
import { destinationChangeRoutes } from './routes/destination-change.ts';
import { destinationControlRoutes } from './routes/destination-control.ts';
import { destinationPreviewRoute } from './routes/destination-preview.ts';
import { destinationRoutes } from './routes/destinations.ts';
import { fieldChoicesRoute } from './routes/field-choices.ts';
import { errorPageRoutes } from './routes/error-pages.ts';
import { deletionRoutes } from './routes/deletions.ts';
import { eventRoute } from './routes/event.ts';
import { eventStreamRoute } from './routes/event-stream.ts';
import { eventRoutes } from './routes/events.ts';
import { importRoutes } from './routes/imports.ts';
import { notificationChangeRoutes } from './routes/notification-change.ts';
import { notificationRoutes } from './routes/notifications.ts';
import { operatorEventRoutes } from './routes/operator-events.ts';
import { laneRoutes } from './routes/lanes.ts';
import { healthRoutes } from './routes/health.ts';
import { metricsRoutes } from './routes/metrics.ts';
import { referenceRoutes } from './routes/reference.ts';
import { keyRoutes } from './routes/keys.ts';
import { peopleRoutes } from './routes/people.ts';
import { processRoutes } from './routes/processes.ts';
import { rejectedRoutes } from './routes/rejected.ts';
import { replayChangeRoutes } from './routes/replay-change.ts';
import { replayControlRoutes } from './routes/replay-control.ts';
import { replayProgressRoutes } from './routes/replay-progress.ts';
import { replayReportRoutes } from './routes/replay-report.ts';
import { replayRoutes } from './routes/replays.ts';
import { retentionRoutes } from './routes/retention.ts';
import { retryRoutes } from './routes/retries.ts';
import { sourceRoutes } from './routes/sources.ts';
import { suppressionRoutes } from './routes/suppressions.ts';
import { tokenRoutes } from './routes/tokens.ts';

/** Every route of the admin API, in the order of the reference. */
export function apiRoutes(deps: ApiDeps): Route[] {
  const live = new LiveConnections(deps);
  const routes: Route[] = [
    ...sourceRoutes(deps),
    ...catalogRoutes(),
    ...destinationRoutes(deps),
    ...destinationChangeRoutes(deps),
    ...destinationControlRoutes(deps),
    destinationPreviewRoute(deps),
    fieldChoicesRoute(deps),
    ...audienceRoutes(deps),
    ...deliveryOverviewRoutes(deps),
    deliveryStreamRoute(deps, live),
    ...replayRoutes(deps),
    ...replayChangeRoutes(deps),
    ...replayControlRoutes(deps),
    ...replayProgressRoutes(deps, live),
    ...replayReportRoutes(deps),
    ...laneRoutes(deps),
    ...importRoutes(deps, live),
    ...eventRoutes(deps),
    eventStreamRoute(deps, live), // before the one that takes any id
    eventRoute(deps),
    ...rejectedRoutes(deps),
    ...deadLetterRoutes(deps),
    ...retryRoutes(deps),
    ...suppressionRoutes(deps),
    ...deletionRoutes(deps),
    ...retentionRoutes(deps),
    ...peopleRoutes(deps),
    ...tokenRoutes(deps),
    ...operatorEventRoutes(deps),
    ...notificationRoutes(deps),
    ...notificationChangeRoutes(deps),
    ...auditRoutes(deps),
    ...keyRoutes(deps),
    ...deploymentRoutes(deps),
    ...processRoutes(deps),
    ...healthRoutes(deps),
    ...metricsRoutes(),
    ...referenceRoutes(() => apiDocument(routes)),
    ...errorPageRoutes(),
  ];
  return routes;
}
