import type { SideEffect } from './document.ts';

/** Actions that reach people: of the names in the package, those that send, or start what sends. */
const reachesPeople =
  /^(send(Sms|WhatsApp|MobilePush|Email|EmailCampaign|TransactionalSms|TransactionalEmail|Message)|trigger(Campaign|Canvas|StudioFlow|Survey|XflowWorkflow|Event)|postTo(Channel|Courier)|enrolContact|subscribeUser(ToCampaign)?)$/i;
/** What these send are events about a mail, not a mail. */
const notMessages = new Set(['actions-actable-predictive/sendEmailEvent']);
/** Actions that take something away. `removeFromCart` and its like only tell of it. */
const takesAway = /(delete|remove|suppress|unsubscribe)/i;
const tellsOfIt = /(cart|product|wishlist|bookmark|unsuppress)/i;

/** What an action of this name may do to people or data when it is given an old event. */
export function sideEffectsOf(type: string, action: string): SideEffect[] {
  const effects: SideEffect[] = [];
  if (reachesPeople.test(action) && !notMessages.has(`${type}/${action}`)) effects.push('message');
  if (takesAway.test(action) && !tellsOfIt.test(action)) effects.push('deletion');
  return effects;
}
