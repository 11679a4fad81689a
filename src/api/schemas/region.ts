import { z } from 'zod';
import { leavesRegion, longestRegionName, regionName, regionRemedy } from '../../core/region.ts';

export const Region = z
  .string()
  .max(longestRegionName)
  .regex(regionName, regionRemedy)
  .meta({ example: 'eu' });

export const RegionWarning = z
  .object({
    code: z.literal('leaves_region').meta({ description: 'Stable: branch on this.' }),
    message: z.string().meta({ description: 'What it means, for a person.' }),
    deploymentRegion: Region,
    destinationRegion: Region,
  })
  .meta({
    id: 'RegionWarning',
    description: 'What was done all the same: the destination is in another region than this deployment.',
  });

/** What an answer has to say of data that goes to a destination. @param deployment null: its region is not stated */
export function regionWarnings(
  deployment: string | null,
  destination: string | null,
): z.input<typeof RegionWarning>[] {
  if (deployment === null || destination === null || !leavesRegion(deployment, destination)) return [];
  return [
    {
      code: 'leaves_region',
      message: `The destination is in the region ${destination}, this deployment in ${deployment}: what is sent to it leaves ${deployment}.`,
      deploymentRegion: deployment,
      destinationRegion: destination,
    },
  ];
}
