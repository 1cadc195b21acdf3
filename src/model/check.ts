// Whether a folder holds every weight its config asks for, told from the headers alone.
import { weightShapes } from './config'
import { openShards, readModelConfig, storedWeight } from './folder'

/**
 * @returns the number of parameters
 * @throws a message that names the file or weight
 */
export function checkModelFolder(folder: string): number {
  const config = readModelConfig(folder)
  const files = openShards(folder)
  try {
    let parameters = 0
    for (const [name, shape] of weightShapes(config)) {
      storedWeight(files, name, shape, folder)
      parameters += shape.reduce((a, b) => a * b, 1)
    }
    return parameters
  } finally {
    files.forEach((file) => file.close())
  }
}
