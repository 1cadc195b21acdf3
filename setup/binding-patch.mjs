// A patch to the native part of TensorFlow.js: one more function, `addFunction(bytes)`, that registers a TensorFlow
// function (a serialized FunctionDef), so that many operations can run as one call (src/model/recorded.ts).
import { createHash } from 'node:crypto'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** The files that change, as they are in @tensorflow/tfjs-node-gpu 4.22.0, and what is put before a line of each. */
const CHANGES = [
  {
    file: 'tfjs_backend.h',
    sha256: '51a1cb1db170f78edca4edcd1245b600251f88fba9c5fdea340fb13d9e4cc728',
    insertions: [
      {
        before: ' private:\n  TFJSBackend(napi_env env);',
        text: `  // Registers a TensorFlow function.
  // - function_def_value (Uint8Array), a serialized FunctionDef
  void AddFunction(napi_env env, napi_value function_def_value);

`,
      },
    ],
  },
  {
    file: 'tfjs_backend.cc',
    sha256: '37a6a6f29e0be5e6ba17fe2b7c943a730f1069eaa8a536fd42ea22b0c56695f7',
    insertions: [
      {
        before: 'napi_value TFJSBackend::ExecuteOp(napi_env env, napi_value op_name_value,',
        text: `void TFJSBackend::AddFunction(napi_env env, napi_value function_def_value) {
  napi_typedarray_type type;
  size_t length;
  void *data;
  napi_value buffer;
  size_t offset;
  napi_status nstatus = napi_get_typedarray_info(
      env, function_def_value, &type, &length, &data, &buffer, &offset);
  ENSURE_NAPI_OK(env, nstatus);
  TF_AutoStatus tf_status;
  TFE_ContextAddFunctionDef(tfe_context_, static_cast<const char *>(data),
                            length, tf_status.status);
  ENSURE_TF_OK(env, tf_status);
}

`,
      },
    ],
  },
  {
    file: 'tfjs_binding.cc',
    sha256: '352e096779ac9c9cfe0648ea887e8991828375e2b11955b4e220b7ab5b9fb690',
    insertions: [
      {
        before: 'static napi_value GetNumOfTensors(napi_env env, napi_callback_info info) {',
        text: `static napi_value AddFunction(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value args[1];
  napi_value js_this;
  napi_status nstatus =
      napi_get_cb_info(env, info, &argc, args, &js_this, nullptr);
  ENSURE_NAPI_OK_RETVAL(env, nstatus, nullptr);
  if (argc < 1) {
    NAPI_THROW_ERROR(env, "Invalid number of args passed to addFunction()");
    return nullptr;
  }

  TFJSBackend *const backend = GetTFJSBackend(env);
  if (!backend) return nullptr;
  backend->AddFunction(env, args[0]);
  return js_this;
}

`,
      },
      {
        before: '      {"loadSavedModel", nullptr, LoadSavedModel, nullptr, nullptr, nullptr,',
        text: `      {"addFunction", nullptr, AddFunction, nullptr, nullptr, nullptr,
       napi_default, nullptr},
`,
      },
    ],
  },
]

const digestOf = (text) => createHash('sha256').update(text).digest('hex')

function patched({ sha256, insertions }, text) {
  if (digestOf(text) !== sha256) return undefined
  return insertions.reduce((whole, { before, text: more }) => whole.replace(before, more + before), text)
}

/**
 * Copies the package's `binding` folder, with the patch if it was made for these files. Without it rlaif runs one
 * operation at a time.
 * @returns whether the patch was applied
 */
export function copyPatched(from, to) {
  cpSync(from, to, { recursive: true })
  const sources = CHANGES.map((change) => [change.file, patched(change, readFileSync(join(from, change.file), 'utf8'))])
  if (sources.some(([, text]) => text === undefined)) return false
  for (const [file, text] of sources) writeFileSync(join(to, file), text)
  return true
}
