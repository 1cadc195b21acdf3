// Tensors in plain objects, arrays and maps: taking them out in order, and putting others in their places.
import { tf, type Tensor } from './tf'
import { symbolicType } from './recording'

export type TensorTree =
  Tensor | undefined | readonly TensorTree[] | ReadonlyMap<string, TensorTree> | { readonly [key: string]: TensorTree }

const isTensor = (value: TensorTree & object): value is Tensor =>
  value instanceof tf.Tensor || symbolicType(value as unknown as Tensor) !== undefined

/** `visit` for each tensor, in order; the results at the tensors' places. */
export function mapTensors<T>(tree: T, visit: (tensor: Tensor) => Tensor): T {
  const at = (value: TensorTree): TensorTree => {
    if (value === undefined) return undefined
    if (isTensor(value)) return visit(value)
    if (Array.isArray(value)) return value.map(at)
    if (value instanceof Map) return new Map([...value].map(([key, each]) => [key, at(each)]))
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, at(each)]))
  }
  return at(tree as TensorTree) as T
}

/** The tensors of a tree, in order. */
export function tensorsOf(tree: unknown): Tensor[] {
  const found: Tensor[] = []
  const at = (value: TensorTree): void => {
    if (value === undefined) return
    if (isTensor(value)) found.push(value)
    else if (Array.isArray(value)) value.forEach(at)
    else if (value instanceof Map) value.forEach(at)
    else for (const key in value) at((value as Record<string, TensorTree>)[key])
  }
  at(tree as TensorTree)
  return found
}
