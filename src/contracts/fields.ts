// Types of fields that several groups of settings share.
import { z } from 'zod'

export const count = z.number().int().positive()
export const rate = z.number().positive().max(1)
export const probability = z.number().min(0).max(1)
export const environmentName = z
  .string()
  .regex(/^[A-Za-z_]\w*$/, 'expected the NAME of an environment variable of the worker, never the value itself')
