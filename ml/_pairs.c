/* NeuMF's logits of (client, service) pairs, and what a loss of them says of every parameter.
 *
 * What ml/models/pairs.py calls; see there for the formula. Pairs are worked on in blocks whose
 * values of both layers stay in the nearest cache, in their order, so that sums, and with them
 * results, are the same bit for bit on one machine. The interpreter's lock is free meanwhile.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define LANES 16 /* Rows of floats are filled up to a multiple of what the widest code takes. */
#define BLOCK 64 /* Pairs in a block. */

#define INLINE static inline __attribute__((always_inline))
#define UNROLLED _Pragma("GCC unroll 8")

typedef float Quarter __attribute__((vector_size(16), aligned(4), may_alias));

enum {
    ROWS,
    COLUMNS,
    CLIENT_MLP,
    SERVICE_MLP,
    CLIENT_GMF,
    SERVICE_GMF,
    LINEAR,
    LAYER,
    BIAS,
    OUTPUT,
    LOGITS, /* To be added to; backward, the loss's gradient by each. */
    SECOND, /* The second layer's values, rows filled up with zeros to a multiple of LANES. */
    FORWARD_ARRAYS,
    TO_CLIENT_MLP = FORWARD_ARRAYS, /* Gradients, to be added to. */
    TO_SERVICE_MLP,
    TO_CLIENT_GMF,
    TO_SERVICE_GMF,
    TO_LINEAR,
    TO_LAYER,
    TO_BIAS,
    TO_OUTPUT,
    ARRAYS
};

typedef struct {
    Py_ssize_t n_pairs, n_services; /* Without columns, every client with every service. */
    Py_ssize_t width, hidden, gmf;  /* Floats of the first layer, of the second, of GMF. */
    Py_ssize_t width_up, hidden_up; /* The same, filled up to a multiple of LANES. */
    const int32_t *rows, *columns;
    float *of[ARRAYS];
    /* Copies that are filled up with zeros, and a block's values. */
    float *layer, *across, *bias, *output, *first, *second;
    float *to_layer, *to_bias, *to_output, *to_first, *to_second;
} Work;

/* ---- What the processor can do ---- */

#define WIDTH 4
#define TILE_ROWS 4
#define TILE_WIDES 2
#define INLINED INLINE
#define NAMED(name) name##_of_4
#include "_pairs_kernel.h"

static void with_any(const Work *w, int is_backward) { every_block_of_4(w, is_backward); }

#if defined(__x86_64__)
#define AVX2 __attribute__((target("avx2,fma")))
#define WIDTH 8
#define TILE_ROWS 4
#define TILE_WIDES 2
#define INLINED AVX2 INLINE
#define NAMED(name) name##_of_8
#include "_pairs_kernel.h"

AVX2 static void with_avx2(const Work *w, int is_backward) { every_block_of_8(w, is_backward); }

#define AVX512 __attribute__((target("avx512f")))
#define WIDTH 16
#define TILE_ROWS 8
#define TILE_WIDES 2
#define INLINED AVX512 INLINE
#define NAMED(name) name##_of_16
#include "_pairs_kernel.h"

AVX512 static void with_avx512(const Work *w, int is_backward) {
    every_block_of_16(w, is_backward);
}
#endif

static long most_lanes = LANES;

static void work(const Work *w, int is_backward) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (most_lanes >= 16 && __builtin_cpu_supports("avx512f")) {
        with_avx512(w, is_backward);
        return;
    }
    if (most_lanes >= 8 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        with_avx2(w, is_backward);
        return;
    }
#endif
    with_any(w, is_backward);
}

/* ---- Arguments ---- */

static int is_inside(const int32_t *places, Py_ssize_t n, Py_ssize_t end) {
    for (Py_ssize_t i = 0; i < n; i++)
        if (places[i] < 0 || places[i] >= end) return 0;
    return 1;
}

/* Copy rows with zeros behind them; `across` the other way round. */
static void fill_up(const float *from, Py_ssize_t rows, Py_ssize_t columns, float *to,
                    Py_ssize_t to_columns, int across) {
    for (Py_ssize_t i = 0; i < rows; i++)
        for (Py_ssize_t j = 0; j < columns; j++)
            to[across ? j * to_columns + i : i * to_columns + j] = from[i * columns + j];
}

static float *allocate(Work *w, int is_backward) {
    const Py_ssize_t width = w->width_up, hidden = w->hidden_up;
    float **parts[] = {&w->layer, &w->across, &w->bias, &w->output, &w->first, &w->second,
                       &w->to_layer, &w->to_bias, &w->to_output, &w->to_first, &w->to_second};
    const Py_ssize_t sizes[] = {width * hidden, width * hidden, hidden, hidden, BLOCK * width,
                                BLOCK * hidden, width * hidden, hidden, hidden, BLOCK * width,
                                BLOCK * hidden};
    const int n_parts = is_backward ? 11 : 6;
    Py_ssize_t total = LANES;
    for (int i = 0; i < n_parts; i++) total += sizes[i];
    float *memory = calloc(total, sizeof(float));
    if (!memory) return NULL;
    float *next = (float *)(((uintptr_t)memory + 63) & ~(uintptr_t)63); /* A line of the cache. */
    for (int i = 0; i < n_parts; i++) {
        *parts[i] = next;
        next += sizes[i];
    }
    fill_up(w->of[LAYER], w->width, w->hidden, w->layer, hidden, 0);
    fill_up(w->of[LAYER], w->width, w->hidden, w->across, width, 1);
    fill_up(w->of[BIAS], 1, w->hidden, w->bias, hidden, 0);
    fill_up(w->of[OUTPUT], 1, w->hidden, w->output, hidden, 0);
    return memory;
}

static void give_sums(const Work *w) {
    for (Py_ssize_t i = 0; i < w->width; i++)
        for (Py_ssize_t j = 0; j < w->hidden; j++)
            w->of[TO_LAYER][i * w->hidden + j] += w->to_layer[i * w->hidden_up + j];
    for (Py_ssize_t j = 0; j < w->hidden; j++) {
        w->of[TO_BIAS][j] += w->to_bias[j];
        w->of[TO_OUTPUT][j] += w->to_output[j];
    }
}

enum { N_CLIENTS, N_SERVICES, WIDTH, HIDDEN, GMF, SIZES };

static const struct {
    const char *name;
    int is_written, may_lack;
} ARGUMENTS[ARRAYS] = {
    [ROWS] = {"rows", 0, 1},
    [COLUMNS] = {"columns", 0, 1},
    [CLIENT_MLP] = {"client_mlp", 0, 0},
    [SERVICE_MLP] = {"service_mlp", 0, 0},
    [CLIENT_GMF] = {"client_gmf", 0, 0},
    [SERVICE_GMF] = {"service_gmf", 0, 0},
    [LINEAR] = {"linear", 0, 1},
    [LAYER] = {"layer", 0, 0},
    [BIAS] = {"bias", 0, 0},
    [OUTPUT] = {"output", 0, 0},
    [LOGITS] = {"logits", 1, 0},
    [SECOND] = {"second", 1, 1},
    [TO_CLIENT_MLP] = {"to_client_mlp", 1, 0},
    [TO_SERVICE_MLP] = {"to_service_mlp", 1, 0},
    [TO_CLIENT_GMF] = {"to_client_gmf", 1, 0},
    [TO_SERVICE_GMF] = {"to_service_gmf", 1, 0},
    [TO_LINEAR] = {"to_linear", 1, 0},
    [TO_LAYER] = {"to_layer", 1, 0},
    [TO_BIAS] = {"to_bias", 1, 0},
    [TO_OUTPUT] = {"to_output", 1, 0},
};

/* Sizes and arrays into `w`; what is taken stands in `views`. */
static int read_arguments(PyObject *arguments, int n_arrays, Work *w, Py_buffer *views) {
    Py_ssize_t sizes[SIZES];
    if (PyTuple_GET_SIZE(arguments) != SIZES + n_arrays) {
        PyErr_Format(PyExc_TypeError, "wants %d arguments", SIZES + n_arrays);
        return 0;
    }
    for (int i = 0; i < SIZES; i++) {
        sizes[i] = PyLong_AsSsize_t(PyTuple_GET_ITEM(arguments, i));
        if (PyErr_Occurred()) return 0;
        if (sizes[i] < (i == WIDTH || i == HIDDEN)) {
            PyErr_SetString(PyExc_ValueError, "a size is too small");
            return 0;
        }
    }
    const Py_ssize_t n_clients = sizes[N_CLIENTS], n_services = sizes[N_SERVICES];
    const Py_ssize_t width = sizes[WIDTH], hidden = sizes[HIDDEN], gmf = sizes[GMF];
    const Py_ssize_t hidden_up = (hidden + LANES - 1) / LANES * LANES;
    Py_ssize_t lengths[ARRAYS] = {
        [CLIENT_MLP] = n_clients * width,     [TO_CLIENT_MLP] = n_clients * width,
        [SERVICE_MLP] = n_services * width,   [TO_SERVICE_MLP] = n_services * width,
        [CLIENT_GMF] = n_clients * gmf,       [TO_CLIENT_GMF] = n_clients * gmf,
        [SERVICE_GMF] = n_services * gmf,     [TO_SERVICE_GMF] = n_services * gmf,
        [LINEAR] = n_services,                [TO_LINEAR] = n_services,
        [LAYER] = width * hidden,             [TO_LAYER] = width * hidden,
        [BIAS] = hidden,                      [TO_BIAS] = hidden,
        [OUTPUT] = hidden,                    [TO_OUTPUT] = hidden,
    };
    for (int i = 0; i < n_arrays; i++) {
        /* Rows, which come first, say how many pairs there are. */
        if (i == COLUMNS) {
            w->n_pairs = views[ROWS].len / 4;
            if (!w->n_pairs) w->n_pairs = n_clients * n_services;
            lengths[COLUMNS] = views[ROWS].len / 4;
            lengths[LOGITS] = w->n_pairs;
            lengths[SECOND] = w->n_pairs * hidden_up;
        }
        const int is_written = ARGUMENTS[i].is_written && !(n_arrays == ARRAYS && i <= SECOND);
        if (PyObject_GetBuffer(PyTuple_GET_ITEM(arguments, SIZES + i), &views[i],
                               PyBUF_C_CONTIGUOUS | (is_written ? PyBUF_WRITABLE : 0)) < 0)
            return 0;
        const int is_lacking = ARGUMENTS[i].may_lack && !views[i].len;
        if (views[i].itemsize != 4 ||
            !(i == ROWS || is_lacking || views[i].len == lengths[i] * 4)) {
            PyErr_Format(PyExc_ValueError, "%s: size or type do not fit the other arguments",
                         ARGUMENTS[i].name);
            return 0;
        }
        w->of[i] = is_lacking ? NULL : views[i].buf;
    }
    w->n_services = n_services;
    w->width = width;
    w->hidden = hidden;
    w->gmf = gmf;
    w->width_up = (width + LANES - 1) / LANES * LANES;
    w->hidden_up = hidden_up;
    w->rows = (const int32_t *)w->of[ROWS];
    w->columns = (const int32_t *)w->of[COLUMNS];
    if (w->columns && !(is_inside(w->rows, w->n_pairs, n_clients) &&
                        is_inside(w->columns, w->n_pairs, n_services))) {
        PyErr_SetString(PyExc_ValueError, "a pair is of no client or of no service");
        return 0;
    }
    if (n_arrays == ARRAYS && !w->of[SECOND]) {
        PyErr_SetString(PyExc_ValueError, "the second layer's values are needed");
        return 0;
    }
    return 1;
}

static PyObject *run(PyObject *arguments, int is_backward) {
    Work w = {0};
    Py_buffer views[ARRAYS] = {{0}};
    PyObject *result = NULL;
    float *memory = NULL;
    if (!read_arguments(arguments, is_backward ? ARRAYS : FORWARD_ARRAYS, &w, views)) goto done;
    Py_BEGIN_ALLOW_THREADS;
    memory = allocate(&w, is_backward);
    if (memory) {
        work(&w, is_backward);
        if (is_backward) give_sums(&w);
    }
    Py_END_ALLOW_THREADS;
    if (memory)
        result = Py_NewRef(Py_None);
    else
        PyErr_NoMemory();
    free(memory);
done:
    for (int i = 0; i < ARRAYS; i++)
        if (views[i].obj) PyBuffer_Release(&views[i]);
    return result;
}

static PyObject *forward(PyObject *self, PyObject *arguments) { return run(arguments, 0); }

static PyObject *backward(PyObject *self, PyObject *arguments) { return run(arguments, 1); }

/* For tests, which are to see what other processors do. */
static PyObject *use_lanes(PyObject *self, PyObject *most) {
    const long lanes = PyLong_AsLong(most);
    if (lanes == -1 && PyErr_Occurred()) return NULL;
    most_lanes = lanes;
    return Py_NewRef(Py_None);
}

static PyMethodDef methods[] = {
    {"forward", forward, METH_VARARGS, "Add to the logits of some pairs."},
    {"backward", backward, METH_VARARGS, "Add to the gradients of everything they come from."},
    {"use_lanes", use_lanes, METH_O, "Work on so many floats side by side at most, of 16, 8, 4."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "ml._pairs", NULL, -1, methods};

PyMODINIT_FUNC PyInit__pairs(void) { return PyModule_Create(&module); }
