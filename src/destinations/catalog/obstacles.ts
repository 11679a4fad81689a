const intoSegment =
  'It sends nothing itself: it hands its calls to Segment’s own pipeline. The type `segment` sends to Segment.';

/** Why some definitions of the package can never do anything here. Each was read in its code. */
const obstacles: Readonly<Record<string, string>> = {
  'actions-segment': intoSegment,
  'actions-segment-profiles': intoSegment,
  'actions-amazon-eventbridge':
    'It publishes to EventBridge as the AWS partner `aws.partner/segment.com` (PutPartnerEvents), which AWS lets nobody do but the account of that partner, Segment’s own.',
  'actions-the-trade-desk-crm':
    'It puts users into a bucket of Segment’s own (integrations-outbound-event-store), from where Segment collects them for The Trade Desk. Its other way replaces the whole audience by the users of one call, of which there must be 1,500, and Reprise sends at most 1,000.',
  'actions-liveramp-audiences':
    'LiveRamp takes no file of fewer than 25 records, and its code refuses such a call for good; Reprise sends the events that are there, a single one too, and holds none back until there are 25. All its files of an audience have one name, so that each call would write over what the call before it had written.',
  'yotpo-actions': 'It sends nothing of an event: its one action asks Yotpo for the name of the store.',
  'actions-google-data-manager': 'It sends nothing: the code of both of its actions is empty.',
  'actions-twilio-messaging-omnichannel':
    'It sends nothing: the code of its one action answers without asking Twilio for anything.',
  'actions-noop': 'It does nothing: Segment tests its own platform with it.',
};

/** Why a definition cannot be connected here, or null. */
export const obstacleOf = (type: string): string | null => obstacles[type] ?? null;
