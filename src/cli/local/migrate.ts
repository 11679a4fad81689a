import { migrate } from '../../db/migrate.ts';
import { schemaState } from '../../db/schema-state.ts';
import { exits, Failure } from '../failure.ts';
import { reasonOf } from './reason.ts';

/** Brings a database to the newest schema. @returns the names of the migrations that it lacked */
export async function migrateDatabase(url: string): Promise<readonly string[]> {
  try {
    const { missing } = await schemaState(url);
    await migrate(url);
    return missing;
  } catch (error) {
    throw new Failure(
      exits.error,
      `The Postgres that DATABASE_URL names cannot be migrated: ${reasonOf(error)}`,
      ['What was not applied is applied when this is called again.'],
    );
  }
}
