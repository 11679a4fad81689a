/** What Temporal's own HTTP API tells of workflows: an outsider's view, without the SDK. */
export interface TemporalHttp {
  /** Ids of the executions that a list filter finds. */
  list(query: string): Promise<string[]>;
  describe(workflowId: string): Promise<WorkflowView>;
  /** The summaries of a workflow's activities, in the order of its history. */
  summaries(workflowId: string): Promise<string[]>;
  /** What a workflow's page shows of it beside its history, in Markdown: asked of the worker that has it. */
  details(workflowId: string): Promise<string>;
  /** All that was handed to Temporal about a workflow: inputs, results, summaries, memo, attributes. */
  payloads(workflowId: string): Promise<unknown[]>;
}

export interface WorkflowView {
  readonly status: string;
  readonly type: string;
  readonly summary: string;
  readonly memo: Readonly<Record<string, unknown>>;
  readonly searchAttributes: Readonly<Record<string, unknown>>;
  /** Which worker processes its activities run on now: `<pid>@<host>`. */
  readonly workers: readonly string[];
}

interface Payload {
  readonly data: string;
}
type Payloads = Readonly<Record<string, Payload>>;

interface Described {
  readonly executionConfig: { readonly userMetadata?: { readonly summary?: Payload } };
  readonly workflowExecutionInfo: {
    readonly status: string;
    readonly type: { readonly name: string };
    readonly memo?: { readonly fields?: Payloads };
    readonly searchAttributes?: { readonly indexedFields?: Payloads };
  };
  readonly pendingActivities?: readonly { readonly state: string; readonly lastWorkerIdentity?: string }[];
}

interface History {
  readonly history: {
    readonly events: readonly {
      readonly eventType: string;
      readonly userMetadata?: { readonly summary?: Payload };
    }[];
  };
}

/** The server of Temporal's UI takes a POST only with a token that stands in a cookie as well. */
const ownToken = { 'x-csrf-token': 'test', cookie: '_csrf=test' };

interface Queried {
  readonly queryResult: { readonly payloads: readonly Payload[] };
}

/** Opens the HTTP API of the `default` namespace. @param url where Temporal's UI is */
export function temporalHttp(url: string): TemporalHttp {
  const workflows = `${url}/api/v1/namespaces/default/workflows`;
  const at = (workflowId: string) => `${workflows}/${encodeURIComponent(workflowId)}`;
  return {
    list: async (query) => {
      const page = await get<{ executions?: { execution: { workflowId: string } }[] }>(
        `${workflows}?query=${encodeURIComponent(query)}`,
      );
      return (page.executions ?? []).map(({ execution }) => execution.workflowId);
    },
    describe: async (workflowId) => viewOf(await get<Described>(at(workflowId))),
    summaries: async (workflowId) => {
      const { history } = await get<History>(`${at(workflowId)}/history`);
      return history.events
        .filter(({ eventType }) => eventType === 'EVENT_TYPE_ACTIVITY_TASK_SCHEDULED')
        .flatMap(({ userMetadata }) =>
          userMetadata?.summary === undefined ? [] : [String(decoded(userMetadata.summary))],
        );
    },
    details: async (workflowId) => {
      const url = `${at(workflowId)}/query/__temporal_workflow_metadata`;
      const { queryResult } = await get<Queried>(url, { method: 'POST', body: '{}', headers: ownToken });
      const [metadata] = queryResult.payloads.map(decoded) as [{ currentDetails?: string }];
      return metadata.currentDetails ?? '';
    },
    payloads: async (workflowId) => payloadsIn(await get(`${at(workflowId)}/history`)),
  };
}

async function get<Body>(url: string, request: RequestInit = {}): Promise<Body> {
  const answer = await fetch(url, request);
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${await answer.text()}`);
  return (await answer.json()) as Body;
}

function viewOf({
  executionConfig,
  workflowExecutionInfo: info,
  pendingActivities = [],
}: Described): WorkflowView {
  const { summary } = executionConfig.userMetadata ?? {};
  return {
    status: info.status.replace('WORKFLOW_EXECUTION_STATUS_', ''),
    type: info.type.name,
    summary: summary === undefined ? '' : String(decoded(summary)),
    memo: decodedAll(info.memo?.fields ?? {}),
    searchAttributes: decodedAll(info.searchAttributes?.indexedFields ?? {}),
    workers: pendingActivities
      .filter(({ state }) => state === 'PENDING_ACTIVITY_STATE_STARTED')
      .map(({ lastWorkerIdentity }) => lastWorkerIdentity ?? ''),
  };
}

function decodedAll(payloads: Payloads): Record<string, unknown> {
  return Object.fromEntries(Object.entries(payloads).map(([name, payload]) => [name, decoded(payload)]));
}

/** Wherever they are in an answer. */
function payloadsIn(value: unknown): unknown[] {
  if (typeof value !== 'object' || value === null) return [];
  if ('data' in value && typeof value.data === 'string') return [decoded({ data: value.data })];
  return Object.values(value).flatMap(payloadsIn);
}

/** Everything that Reprise hands to Temporal is JSON. */
function decoded({ data }: Payload): unknown {
  return JSON.parse(Buffer.from(data, 'base64').toString()) as unknown;
}
