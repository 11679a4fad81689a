import { categories, products, productsIn, type Product } from './products.ts';
import type { Random } from './random.ts';
import type { Shopper } from './shoppers.ts';

/** One call of a visit; `afterMs` is the time since the one before. */
export interface Call {
  readonly type: 'identify' | 'track' | 'page' | 'screen' | 'group' | 'alias';
  readonly afterMs: number;
  /** What the spec calls event, name, traits, properties, groupId and previousId. */
  readonly members: Readonly<Record<string, unknown>>;
}

export interface VisitContext {
  readonly shopper: Shopper;
  readonly random: Random;
  /** The shopper's first visit, at which they sign up if they ever do. */
  readonly isFirst: boolean;
  /** What the shop calls a price by now: it was renamed in week 5, and its old events keep the old name. */
  readonly priceName: 'price' | 'unit_price';
  readonly isSale: boolean;
  readonly orderId: string;
}

const currency = 'EUR';
const saleCoupon = 'AUTUMN25';

/** One visit to the shop, as far down the funnel as the shopper goes. Names: Segment spec, e-commerce v2. */
export function* visit(context: VisitContext): Generator<Call> {
  const { random, shopper, isSale } = context;
  yield view(context, 'Home', '/');
  if (context.isFirst && shopper.userId !== null) yield* signUp(context);
  const category = random.pick(categories);
  yield view(context, category, `/c/${category.toLowerCase()}`);
  yield track(context, 'Product List Viewed', listed(context, category));
  const cart: Product[] = [];
  const looks = 1 + random.below(4);
  for (let look = 0; look < looks; look += 1) {
    const product = random.pick(random.chance(0.7) ? productsIn(category) : products);
    yield track(context, 'Product Viewed', line(context, product));
    if (!random.chance(isSale ? 0.5 : 0.35)) continue;
    cart.push(product);
    yield track(context, 'Product Added', { ...line(context, product), cart_id: context.orderId });
  }
  if (cart.length > 0) yield* checkOut(context, cart);
}

function* signUp(context: VisitContext): Generator<Call> {
  const { shopper, random } = context;
  const { firstName, lastName, email, city } = shopper;
  // Only apps still join their anonymous past by alias; web libraries send both ids.
  if (shopper.device !== 'web') yield call(context, 'alias', { previousId: shopper.anonymousId });
  yield call(context, 'identify', {
    traits: {
      firstName,
      lastName,
      name: `${firstName} ${lastName}`,
      email,
      address: { city },
      newsletter: random.chance(0.4),
    },
  });
  if (shopper.company === null) return;
  const { groupId, ...traits } = shopper.company;
  yield call(context, 'group', { groupId, traits });
}

function* checkOut(context: VisitContext, cart: readonly Product[]): Generator<Call> {
  const { random, orderId } = context;
  const order = { order_id: orderId, ...totals(context, cart) };
  if (!random.chance(0.6)) return;
  yield view(context, 'Checkout', '/checkout');
  yield track(context, 'Checkout Started', order);
  if (!random.chance(0.7)) return;
  yield track(context, 'Payment Info Entered', {
    checkout_id: orderId,
    payment_method: random.pick(['card', 'paypal', 'sepa']),
  });
  yield track(context, 'Order Completed', order);
  if (random.chance(0.04))
    yield { ...track(context, 'Order Refunded', order), afterMs: random.below(600_000) };
}

function listed(context: VisitContext, category: string): Record<string, unknown> {
  const shown = productsIn(category).map((product, index) => ({
    ...line(context, product),
    position: index + 1,
  }));
  return { list_id: `list-${category.toLowerCase()}`, category, products: shown };
}

function line(context: VisitContext, product: Product): Record<string, unknown> {
  const { cents, ...about } = product;
  return { ...about, [context.priceName]: cents / 100, quantity: 1, currency };
}

function totals(context: VisitContext, cart: readonly Product[]): Record<string, unknown> {
  const goods = cart.reduce((sum, product) => sum + product.cents, 0);
  const discount = context.isSale ? Math.round(goods / 4) : 0;
  const shipping = goods - discount > 5_000 ? 0 : 490;
  const tax = Math.round((goods - discount) * 0.19);
  return {
    revenue: (goods - discount) / 100,
    shipping: shipping / 100,
    tax: tax / 100,
    total: (goods - discount + shipping + tax) / 100,
    discount: discount / 100,
    ...(context.isSale && { coupon: saleCoupon }),
    currency,
    products: cart.map((product) => line(context, product)),
  };
}

/** Web libraries send pages, apps send screens. */
function view(context: VisitContext, name: string, path: string): Call {
  if (context.shopper.device !== 'web') return call(context, 'screen', { name, properties: {} });
  const properties = { path, title: `${name} – Demo shop`, url: `https://shop.example.com${path}` };
  return call(context, 'page', { name, properties });
}

function track(context: VisitContext, event: string, properties: Record<string, unknown>): Call {
  return call(context, 'track', { event, properties });
}

function call(context: VisitContext, type: Call['type'], members: Record<string, unknown>): Call {
  return { type, afterMs: 2_000 + context.random.below(70_000), members };
}
