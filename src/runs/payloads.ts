// What the server stores of a run, as a command reads it: encrypted, if encryption is on.
import { defaultPayloadConverter, type LoadedDataConverter, type Payload } from '@temporalio/common'

/** A client, of the server or of its workflows. */
interface Reader {
  options: { loadedDataConverter: LoadedDataConverter }
}

/** @throws when their key is missing here */
export async function decodedBy({ options }: Reader, payloads: Payload[]): Promise<Payload[]> {
  for (const codec of [...options.loadedDataConverter.payloadCodecs].reverse()) payloads = await codec.decode(payloads)
  return payloads
}

/** The message of a failure. */
export async function messageOf(
  client: Reader,
  { message, encodedAttributes }: { message?: string | null; encodedAttributes?: Payload | null },
): Promise<string | undefined> {
  if (!encodedAttributes) return message ?? undefined
  const [payload] = await decodedBy(client, [encodedAttributes])
  return defaultPayloadConverter.fromPayload<{ message: string }>(payload!).message
}
