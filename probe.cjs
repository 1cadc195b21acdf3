// bit equality of functions with eager for a rms-norm + swiglu MLP f32
process.env.TF_CPP_MIN_LOG_LEVEL='2'
require('/work/shared/sketches/function-def.cjs')
