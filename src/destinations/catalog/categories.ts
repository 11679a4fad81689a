/** What a destination is for. */
export const categories = [
  'advertising',
  'analytics',
  'attribution',
  'commerce',
  'crm',
  'data',
  'engagement',
  'experimentation',
  'sales',
  'success',
] as const;

export type Category = (typeof categories)[number];

/**
 * By hand, as the package has none: the folders of the definitions whose kind is known. A definition that is not here
 * has no category.
 */
const folders: Readonly<Record<Category, string>> = {
  advertising: `
    1plusx 1plusx-asset-api amazon-amc amazon-conversions-api criteo-audiences delivrai-activate display-video-360
    epsilon facebook-conversions-api facebook-custom-audiences first-party-dv360 google-campaign-manager-360
    google-data-manager google-enhanced-conversions iqm linkedin-audiences linkedin-conversions liveramp-audiences
    moloco-rmp ms-bing-ads-audiences ms-bing-capi nextdoor-capi pinterest-conversions reddit-audiences
    reddit-conversions-api revx rokt-audiences rokt-capi snap-audiences snap-conversions-api stackadapt
    stackadapt-audiences taboola-actions the-trade-desk-crm tiktok-app-events tiktok-audiences tiktok-conversions
    tiktok-conversions-sandbox tiktok-offline-conversions tiktok-offline-conversions-sandbox topsort vibe-audience
    yahoo-audiences youappi-audiences kevel kevel-audience`,
  analytics: `
    accoil-analytics aggregations-io algolia-insights altertable amplitude amplitude-cohorts app-fit avo avo-v2 calliper canvas equals
    fullstory google-analytics-4 heap june klime koala mixpanel playerzero-cloud posthog prodeology trackey trubrics
    usermaven dawn`,
  attribution: `adjust attribution magellan-ai podscribe roadwayai dub angler-ai`,
  commerce: `antavo eagleeye-audiences friendbuy gameball rehook talon-one voucherify yotpo recombee spiffy voyage`,
  crm: `
    actions-pardot apolloio attio blackbaud-raisers-edge-nxt clay close collab-travel-crm hubspot pipedrive salesforce`,
  data: `
    amazon-eventbridge aws-kinesis aws-s3 google-sheets google-sheets-dev kafka s3 segment segment-profiles sftp
    singlestore webhook webhook-audiences webhook-extensible zapier`,
  engagement: `
    aampe acoustic acoustic-s3tc airship ambee attentive batch blend-ai braze braze-cohorts clevertap contentstack cordial
    courier customerio dotdigital dotdigital-audiences drip emarsys encharge engage-messaging-sendgrid
    engage-messaging-twilio insider insider-audiences iterable iterable-audiences iterable-lists klaviyo listrak livelike-cloud loops
    marketo-static-lists moengage movable-ink ortto ortto-audiences postscript pushwoosh responsys
    salesforce-marketing-cloud sendgrid sendgrid-audiences slack taguchi twilio twilio-messaging
    twilio-messaging-omnichannel twilio-studio xtremepush yonoma lark`,
  experimentation: `
    absmartly adobe-target dynamic-yield-audiences kameleoon launchdarkly launchdarkly-audiences
    optimizely-advanced-audience-targeting optimizely-data-platform optimizely-feature-experimentation-actions
    optimizely-web vwo`,
  sales: `hyperengage launchpad outfunnel qualified saleswings toplyne usermotion voiceops inleads-ai`,
  success: `
    appcues canny-functions chartmogul devrev gainsight-px-cloud-action gleap intercom jimo-cloud mantle m3ter metronome
    nudge pendo-audiences qualtrics schematic sprig surveysparrow survicate userpilot`,
};

const byFolder = new Map(
  categories.flatMap((category) =>
    folders[category]
      .trim()
      .split(/\s+/)
      .map((folder) => [folder, category]),
  ),
);

/** The category of a definition by its folder in the package, or null. */
export function categoryOf(folder: string): Category | null {
  return byFolder.get(folder) ?? null;
}

/** Every folder that has a category. */
export const categorised: readonly string[] = [...byFolder.keys()];
