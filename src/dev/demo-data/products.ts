/** Something that the demo shop sells. */
export interface Product {
  readonly product_id: string;
  readonly sku: string;
  readonly category: string;
  readonly name: string;
  readonly brand: string;
  /** In cents: sums of prices stay exact. */
  readonly cents: number;
}

const shelves: Record<string, readonly [name: string, brand: string, cents: number][]> = {
  Kitchen: [
    ['Moka pot', 'Brikka & Figli', 3_990],
    ['Chef’s knife 20 cm', 'Sōma 宗正', 12_900],
    ['Café au lait bowl', 'Atelier Noël', 1_450],
    ['Cast-iron pan', 'Grünhut', 6_400],
    ['Tea strainer', 'Čaj Praha', 890],
  ],
  Garden: [
    ['Watering can 8 l', 'Grünhut', 2_790],
    ['Pruning shears', 'Sōma 宗正', 4_250],
    ['Seed box “Été”', 'Atelier Noël', 1_990],
    ['Bird house', 'Łąka', 2_350],
  ],
  Desk: [
    ['Fountain pen', 'Plume & Fils', 5_900],
    ['Notebook A5, dotted', 'Papier Øst', 1_690],
    ['Desk lamp', 'Lumière', 8_900],
    ['Ink “Midnight 🌙”', 'Plume & Fils', 1_290],
  ],
  Outdoor: [
    ['Wool blanket', 'Łąka', 7_900],
    ['Thermos 0.7 l', 'Fjäll', 3_450],
    ['Headlamp', 'Fjäll', 4_490],
    ['Hammock', 'Papagaio', 5_600],
    ['Tarp 3 × 3 m', 'Fjäll', 8_450],
  ],
};

export const categories = Object.keys(shelves);

export const products: readonly Product[] = Object.entries(shelves).flatMap(([category, shelf]) =>
  shelf.map(([name, brand, cents], index) => ({
    product_id: `p-${category.toLowerCase()}-${index + 1}`,
    sku: `${category.slice(0, 2).toUpperCase()}-${100 + index}`,
    category,
    name,
    brand,
    cents,
  })),
);

export function productsIn(category: string): readonly Product[] {
  return products.filter((product) => product.category === category);
}
