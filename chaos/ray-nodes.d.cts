export interface RayNode {
  pid: number
  kill(): void
}
export interface RayCluster {
  address: string
  head: RayNode
  nodes: RayNode[]
  replaceHead(): Promise<void>
  replaceNode(): Promise<void>
  killTrainWorker(at?: number): boolean
  close(): void
}
export function rayCommands(): string
export function startRay(given?: {
  nodes?: number
  cpus?: number
  environment?: Record<string, string>
  commands?: string
  memory?: number
}): Promise<RayCluster>
