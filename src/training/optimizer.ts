// What an optimizer is to the training loops: a step over gradients, and a state that a checkpoint keeps.
import type { Gradients, Model } from '../model/model'
import type { Tensor } from '../model/tf'

export interface Optimizer {
  /**
   * One step on `model`: replaces every weight that has a gradient, disposing the old one and the gradient.
   * @param gradients by weight name, each of its weight's shape
   * @throws when a gradient names a weight that the model does not have
   */
  step(model: Model, gradients: Gradients, learningRate: number): void
  /** With `steps`, everything that a resumed run needs to continue bit for bit. By name. */
  state: Map<string, Tensor>
  /** Number of steps taken. */
  steps: number
}

/** A model with the optimizer that trains it. */
export interface Trained {
  model: Model
  optimizer: Optimizer
}
