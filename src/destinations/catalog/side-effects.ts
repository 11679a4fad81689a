import type { SideEffect } from './document.ts';
import { inWords } from './in-words.ts';

/** Actions that reach people: of the names in the package and their like, those that send, or start what sends. */
const reachesPeople =
  /^(send(Sms|WhatsApp|MobilePush|Push(Notification)?|Notification|E?mail|EmailCampaign|TransactionalSms|TransactionalEmail|Text(Message)?|Message|Newsletter|Invitation)|notify(User|Person|Customer)?|trigger(Campaign|Canvas|StudioFlow|Survey|XflowWorkflow|Event)|postTo(Channel|Courier)|enrolContact|subscribeUser(ToCampaign)?)$/i;
/** What these send are events about a mail, not a mail. */
const notMessages = new Set(['actions-actable-predictive/sendEmailEvent']);
/** Actions that take something away. */
const takesAway =
  /delet(e|ion)|unsubscribe|(?<!un)suppress|eras(e|ure)|purge|destroy|expunge|redact|anonymi[sz]e|deactivate|opt ?out|\b(wipe|forget)/;
/** These do so, too, but that `removeFromCart` and its like only tell of it. */
const removes = /remov(e|al)/i;
const tellsOfIt = /cart|product|wishlist|bookmark/i;

/** What an action of this name may do to people or data when it is given an old event. */
export function sideEffectsOf(type: string, action: string): SideEffect[] {
  const effects: SideEffect[] = [];
  if (reachesPeople.test(action) && !notMessages.has(`${type}/${action}`)) effects.push('message');
  if (takesAway.test(inWords(action)) || (removes.test(action) && !tellsOfIt.test(action)))
    effects.push('deletion');
  return effects;
}
