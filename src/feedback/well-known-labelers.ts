// Hosts of well-known labelers and the variables that by their makers' own documents hold their keys: a key of such a
// variable may go there without a setting, since it goes where it comes from.

/** Variables by host; `*.` stands for one label. Only over HTTPS, on its usual port. */
const KEYS_OF_HOSTS: Readonly<Record<string, readonly string[]>> = {
  'api.openai.com': ['OPENAI_API_KEY'],
  '*.openai.azure.com': ['AZURE_OPENAI_API_KEY'],
  'api.anthropic.com': ['ANTHROPIC_API_KEY'],
  'generativelanguage.googleapis.com': ['GEMINI_API_KEY', 'GOOGLE_API_KEY'],
  'api.mistral.ai': ['MISTRAL_API_KEY'],
  'openrouter.ai': ['OPENROUTER_API_KEY'],
  'api.together.xyz': ['TOGETHER_API_KEY'],
  'api.together.ai': ['TOGETHER_API_KEY'],
  'api.groq.com': ['GROQ_API_KEY'],
  'api.deepseek.com': ['DEEPSEEK_API_KEY'],
  'api.fireworks.ai': ['FIREWORKS_API_KEY'],
  'api.cohere.ai': ['COHERE_API_KEY', 'CO_API_KEY'],
  'api.x.ai': ['XAI_API_KEY'],
  'api.cerebras.ai': ['CEREBRAS_API_KEY'],
  'api.perplexity.ai': ['PERPLEXITY_API_KEY'],
  'api.deepinfra.com': ['DEEPINFRA_API_KEY'],
  'integrate.api.nvidia.com': ['NVIDIA_API_KEY'],
  'dashscope-intl.aliyuncs.com': ['DASHSCOPE_API_KEY'],
  'router.huggingface.co': ['HF_TOKEN'],
}

/** Whether a key of this variable is for that host by its maker's own documents. */
export function isUsualKey(url: URL, name: string): boolean {
  if (url.protocol !== 'https:' || url.port !== '') return false
  const family = `*.${url.hostname.split('.').slice(1).join('.')}`
  return [url.hostname, family].some(
    (host) => Object.hasOwn(KEYS_OF_HOSTS, host) && KEYS_OF_HOSTS[host]!.includes(name),
  )
}

const LABELERS_KEY = /(^|_)(API|LABELER|JUDGE|LLM|MODEL|VLLM|OLLAMA|INFERENCE|ENDPOINT|TEST)_?(KEY|TOKEN)$/
/** First words of variables whose keys open something other than a labeler. */
const OTHER_SERVICES = new Set(
  [
    'AWS AZURE GCP GCLOUD CLOUDFLARE CF DIGITALOCEAN DO HCLOUD HETZNER LINODE OCI ALIBABA ALICLOUD TENCENTCLOUD SCW',
    'HEROKU VERCEL NETLIFY FLY DOCKER KUBE VAULT CONSUL SUPABASE FIREBASE TEMPORAL OTEL',
    'GITHUB GH GITLAB BITBUCKET JIRA ATLASSIAN NPM PYPI SLACK DISCORD TELEGRAM TWILIO SENDGRID MAILGUN STRIPE PAYPAL',
    'DATADOG DD SENTRY NEW GRAFANA HONEYCOMB WANDB',
    'DATABASE DB PG POSTGRES MYSQL MONGO MONGODB REDIS ELASTIC ELASTICSEARCH SNOWFLAKE',
  ].flatMap((line) => line.split(' ')),
)
const OF_RLAIF = /^RLAIF_(PAYLOAD|REWARD|METRICS|CODEC|NOTIFY)/

/** Whether a variable is plausibly the key of a labeler, and nothing else's. */
export const isLabelersKey = (name: string): boolean =>
  LABELERS_KEY.test(name) &&
  !OF_RLAIF.test(name) &&
  (name.startsWith('AZURE_OPENAI_') || !OTHER_SERVICES.has(name.split('_')[0]!))
