/* Rows of a block of scores: the best of each, how its candidates lie, ranks of some entries.
 *
 * What ml/selection.py calls; see there for what it means. Rows do not depend on each other, and
 * sums have a fixed order, so results do not depend on threads, blocks or the processor's width.
 * The interpreter's lock is free while a block is worked on.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

/* The loader picks the widest code that the processor can run. */
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__)
#define WIDE __attribute__((target_clones("avx2", "default")))
#else
#define WIDE
#endif

#define LANES 8    /* Sums that run side by side: a fixed order that still fits a vector. */
#define GROUPS 256 /* Most groups of columns whose maxima bound what is searched for. */
#define HITS 256   /* Most scores that are put in order by counting. */

/* Eight lanes, wherever they begin; compilers make what the processor has of them. */
typedef float Floats __attribute__((vector_size(32), aligned(4), may_alias));
typedef int32_t Integers __attribute__((vector_size(32), aligned(4), may_alias));
typedef int64_t Halves __attribute__((vector_size(32), aligned(4), may_alias));

static double joined(const double *sums) {
    return ((sums[0] + sums[4]) + (sums[2] + sums[6])) +
           ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

WIDE static double sum_of(const float *row, Py_ssize_t n) {
    double sums[LANES] = {0};
    Py_ssize_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int j = 0; j < LANES; j++) sums[j] += row[i + j];
    for (; i < n; i++) sums[i % LANES] += row[i];
    return joined(sums);
}

WIDE static double squares_about(const float *row, Py_ssize_t n, float centre) {
    double sums[LANES] = {0};
    Py_ssize_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int j = 0; j < LANES; j++) {
            double rest = (double)row[i + j] - centre;
            sums[j] += rest * rest;
        }
    for (; i < n; i++) {
        double rest = (double)row[i] - centre;
        sums[i % LANES] += rest * rest;
    }
    return joined(sums);
}

/* The highest scores of a row, best first; of equal ones the first in the row comes first. */
static void search(const float *row, Py_ssize_t n, Py_ssize_t depth, int32_t *services,
                   float *values) {
    float least = -INFINITY; /* Has to be exceeded. */
    for (Py_ssize_t i = 0; i < n; i++) {
        float value = row[i];
        if (!(value > least)) continue;
        Py_ssize_t place = depth - 1;
        while (place && values[place - 1] < value) {
            values[place] = values[place - 1];
            services[place] = services[place - 1];
            place--;
        }
        values[place] = value;
        services[place] = (int32_t)i;
        least = values[depth - 1];
    }
}

/* How many scores stand before each one: higher ones, and equal ones that come earlier. `count` is
 * a multiple of LANES. */
WIDE static void count_before(const float *scores, Py_ssize_t count, int32_t *before) {
    const Integers steps = {0, 1, 2, 3, 4, 5, 6, 7};
    for (Py_ssize_t start = 0; start < count; start += LANES) {
        const Floats some = *(const Floats *)(scores + start);
        const Integers places = steps + (int32_t)start;
        Integers found = {0};
        for (int32_t i = 0; i < count; i++) {
            const Floats one = scores[i] - (Floats){0};
            found -= (one > some) | ((one == some) & (i < places));
        }
        *(Integers *)(before + start) = found;
    }
}

/* A score that at least `depth` of a row reach, and not many more: the maximum of so many of
 * `width` groups of columns. The finite minimum where so many are not there. */
WIDE static float bound_of(const float *row, Py_ssize_t n, Py_ssize_t depth, Py_ssize_t width) {
    float maxima[GROUPS] = {0};
    int32_t before[GROUPS];
    const Py_ssize_t whole = n / width * width;
    for (Py_ssize_t group = 0; group < width; group += LANES) {
        Floats most = *(const Floats *)(row + group);
        for (const float *layer = row + group + width; layer < row + whole; layer += width) {
            const Floats some = *(const Floats *)layer;
            const Integers is_higher = some > most;
            most = (Floats)((is_higher & (Integers)some) | (~is_higher & (Integers)most));
        }
        *(Floats *)(maxima + group) = most;
    }
    for (Py_ssize_t i = whole; i < n; i++)
        if (row[i] > maxima[i - whole]) maxima[i - whole] = row[i];
    count_before(maxima, width, before);
    float bound = -FLT_MAX;
    for (Py_ssize_t j = 0; j < width; j++)
        if (before[j] == depth - 1 && maxima[j] > bound) bound = maxima[j];
    return bound;
}

/* Scores from a bound on, in their order, with their columns; more than HITS where there are more
 * than that, of which nothing more is told. There is room for LANES more. */
WIDE static Py_ssize_t reaching(const float *row, Py_ssize_t n, float bound, float *values,
                                int32_t *columns) {
    Py_ssize_t found = 0, start = 0;
    for (; start < n && found <= HITS; start += LANES) {
        const Py_ssize_t stop = start + LANES < n ? start + LANES : n;
        if (stop - start == LANES) {
            const Halves any = (Halves)(*(const Floats *)(row + start) >= bound);
            if (!((any[0] | any[1]) | (any[2] | any[3]))) continue;
        }
        /* Written whether it counts or not: there is no branch to be guessed wrong. */
        for (Py_ssize_t i = start; i < stop; i++) {
            values[found] = row[i];
            columns[found] = (int32_t)i;
            found += row[i] >= bound;
        }
    }
    return found;
}

/* Put scores where the number of those before them says. There is room for LANES more. */
static void place(float *found, const int32_t *columns, Py_ssize_t count, Py_ssize_t depth,
                  int32_t *services, float *values) {
    int32_t before[HITS + LANES];
    const Py_ssize_t whole = (count + LANES - 1) / LANES * LANES;
    for (Py_ssize_t i = count; i < whole; i++) found[i] = -INFINITY;
    count_before(found, whole, before);
    for (Py_ssize_t i = 0; i < count; i++)
        if (before[i] < depth) {
            values[before[i]] = found[i];
            services[before[i]] = columns[i];
        }
}

static void best_of(const float *row, Py_ssize_t n, Py_ssize_t depth, int32_t *services,
                    float *values) {
    float found[HITS + 1 + LANES];
    int32_t columns[HITS + 1 + LANES];
    for (Py_ssize_t k = 0; k < depth; k++) {
        services[k] = -1;
        values[k] = -INFINITY;
    }
    if (!depth) return;
    /* Half as many groups again as are wanted: some 1.6 times as many scores reach the bound. */
    const Py_ssize_t width = (depth + depth / 2 + LANES - 1) / LANES * LANES;
    const int is_wide = width <= GROUPS && n >= 2 * width;
    if (is_wide || n <= HITS) {
        const float bound = is_wide ? bound_of(row, n, depth, width) : -FLT_MAX;
        const Py_ssize_t count = reaching(row, n, bound, found, columns);
        if (count <= HITS) {
            place(found, columns, count, depth, services, values);
            goto done;
        }
    }
    search(row, n, depth, services, values); /* Very deep, or very many equal. */
done:
    for (Py_ssize_t k = 0; k < depth; k++) values[k] += 0.0f; /* A zero has no sign. */
}

/* How many scores of a row lie above one, and how many are equal, before it and in all. */
WIDE static void count(const float *row, Py_ssize_t n, Py_ssize_t column, int64_t *above,
                       int64_t *before, int64_t *ties) {
    float value = row[column];
    uint32_t higher = 0, equal = 0, earlier = 0;
    for (Py_ssize_t i = 0; i < n; i++) {
        higher += row[i] > value;
        equal += row[i] == value;
    }
    if (equal > 1)
        for (Py_ssize_t i = 0; i < column; i++) earlier += row[i] == value;
    *above = higher;
    *before = earlier;
    *ties = equal;
}

/* ---- Arguments ---- */

static int held(PyObject *object, Py_buffer *view, Py_ssize_t itemsize, Py_ssize_t length,
                int is_written, const char *name) {
    if (PyObject_GetBuffer(object, view, PyBUF_C_CONTIGUOUS | (is_written ? PyBUF_WRITABLE : 0)) <
        0)
        return 0;
    if (view->itemsize == itemsize && (length < 0 || view->len == length * itemsize)) return 1;
    PyErr_Format(PyExc_ValueError, "%s has another size or type than the other arguments", name);
    return 0;
}

enum {
    SCORES,
    BEGINS,
    ENDS,
    EXCLUDED,
    CLOSED,
    SHUT_OUT,
    SERVICES,
    VALUES,
    COUNTS,
    MEANS,
    DEVIATIONS,
    ARRAYS
};

typedef struct {
    Py_ssize_t n_rows, n_services, depth, n_excluded, n_closed;
    float *scores, *values;
    const int64_t *begins, *ends;
    const int32_t *excluded, *closed;
    const uint8_t *shut_out;
    int32_t *services;
    int64_t *counts;
    double *means, *deviations;
} Block;

static void fill(float *row, const Block *b, Py_ssize_t r, float value) {
    if (b->shut_out[r]) {
        for (Py_ssize_t i = 0; i < b->n_services; i++) row[i] = value;
        return;
    }
    for (int64_t i = b->begins[r]; i < b->ends[r]; i++) row[b->excluded[i]] = value;
    for (Py_ssize_t i = 0; i < b->n_closed; i++) row[b->closed[i]] = value;
}

static inline int shut(float *score, double *sum) {
    if (*score == -INFINITY) return 0;
    *sum -= *score;
    *score = -INFINITY;
    return 1;
}

/* Write -inf to what is excluded. Returns the number of candidates, and takes the others' scores
 * from their sum; what is told twice counts once. */
static int64_t mask(float *row, const Block *b, Py_ssize_t r, double *sum) {
    if (b->shut_out[r]) {
        fill(row, b, r, -INFINITY);
        *sum = 0.0;
        return 0;
    }
    int64_t left = b->n_services;
    for (Py_ssize_t i = 0; i < b->n_closed; i++) left -= shut(row + b->closed[i], sum);
    for (int64_t i = b->begins[r]; i < b->ends[r]; i++) left -= shut(row + b->excluded[i], sum);
    if (!left) *sum = 0.0;
    return left;
}

/* Returns the first row that is not all finite, or -1; -2 where an excluded service is none. */
static Py_ssize_t take_rows(const Block *b) {
    for (Py_ssize_t i = 0; i < b->n_closed; i++)
        if (b->closed[i] < 0 || b->closed[i] >= b->n_services) return -2;
    for (Py_ssize_t r = 0; r < b->n_rows; r++) {
        if (b->begins[r] < 0 || b->ends[r] > b->n_excluded) return -2;
        for (int64_t i = b->begins[r]; i < b->ends[r]; i++)
            if (b->excluded[i] < 0 || b->excluded[i] >= b->n_services) return -2;
        float *row = b->scores + r * b->n_services;
        double sum = sum_of(row, b->n_services);
        if (!isfinite(sum)) return r; /* What is no number makes no number of the sum. */
        const int64_t left = mask(row, b, r, &sum);
        const double divisor = left > 1 ? (double)left : 1.0;
        const double mean = sum / divisor;
        /* Excluded ones lie at the centre, and say nothing; scores that are all equal too, so that
         * they deviate by nothing at all. Others' squares are taken about the mean afterwards. */
        const float centre = (float)mean;
        fill(row, b, r, centre);
        const double squares =
            squares_about(row, b->n_services, centre) - divisor * (mean - centre) * (mean - centre);
        fill(row, b, r, -INFINITY);
        b->counts[r] = left;
        b->means[r] = mean;
        b->deviations[r] = squares > 0.0 ? sqrt(squares / divisor) : 0.0;
        best_of(row, b->n_services, b->depth, b->services + r * b->depth, b->values + r * b->depth);
    }
    return -1;
}

static PyObject *take(PyObject *self, PyObject *arguments) {
    PyObject *objects[ARRAYS];
    Py_ssize_t n_services, depth;
    if (!PyArg_ParseTuple(arguments, "nnOOOOOOOOOOO", &n_services, &depth, &objects[SCORES],
                          &objects[BEGINS], &objects[ENDS], &objects[EXCLUDED], &objects[CLOSED],
                          &objects[SHUT_OUT], &objects[SERVICES], &objects[VALUES],
                          &objects[COUNTS], &objects[MEANS], &objects[DEVIATIONS]))
        return NULL;
    Py_buffer views[ARRAYS] = {{0}};
    PyObject *result = NULL;
    if (!held(objects[SHUT_OUT], &views[SHUT_OUT], 1, -1, 0, "shut_out")) goto done;
    const Py_ssize_t n = views[SHUT_OUT].len;
    if (n_services < 0 || depth < 0 ||
        !held(objects[SCORES], &views[SCORES], 4, n * n_services, 1, "scores") ||
        !held(objects[BEGINS], &views[BEGINS], 8, n, 0, "begins") ||
        !held(objects[ENDS], &views[ENDS], 8, n, 0, "ends") ||
        !held(objects[EXCLUDED], &views[EXCLUDED], 4, -1, 0, "excluded") ||
        !held(objects[CLOSED], &views[CLOSED], 4, -1, 0, "closed") ||
        !held(objects[SERVICES], &views[SERVICES], 4, n * depth, 1, "services") ||
        !held(objects[VALUES], &views[VALUES], 4, n * depth, 1, "values") ||
        !held(objects[COUNTS], &views[COUNTS], 8, n, 1, "counts") ||
        !held(objects[MEANS], &views[MEANS], 8, n, 1, "means") ||
        !held(objects[DEVIATIONS], &views[DEVIATIONS], 8, n, 1, "deviations")) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_ValueError, "n_services and depth cannot be negative");
        goto done;
    }
    const Block block = {n,
                         n_services,
                         depth,
                         views[EXCLUDED].len / 4,
                         views[CLOSED].len / 4,
                         views[SCORES].buf,
                         views[VALUES].buf,
                         views[BEGINS].buf,
                         views[ENDS].buf,
                         views[EXCLUDED].buf,
                         views[CLOSED].buf,
                         views[SHUT_OUT].buf,
                         views[SERVICES].buf,
                         views[COUNTS].buf,
                         views[MEANS].buf,
                         views[DEVIATIONS].buf};
    Py_ssize_t bad;
    Py_BEGIN_ALLOW_THREADS;
    bad = take_rows(&block);
    Py_END_ALLOW_THREADS;
    if (bad == -2)
        PyErr_SetString(PyExc_ValueError, "what is excluded is no place in a row");
    else
        result = PyLong_FromSsize_t(bad);
done:
    for (int i = 0; i < ARRAYS; i++)
        if (views[i].obj) PyBuffer_Release(&views[i]);
    return result;
}

static PyObject *rank(PyObject *self, PyObject *arguments) {
    enum { OF, ROWS, COLUMNS, ABOVE, BEFORE, TIES, ALL };
    PyObject *objects[ALL];
    Py_ssize_t n_services;
    if (!PyArg_ParseTuple(arguments, "nOOOOOO", &n_services, &objects[OF], &objects[ROWS],
                          &objects[COLUMNS], &objects[ABOVE], &objects[BEFORE], &objects[TIES]))
        return NULL;
    Py_buffer views[ALL] = {{0}};
    PyObject *result = NULL;
    if (!held(objects[OF], &views[OF], 4, -1, 0, "scores") ||
        !held(objects[ROWS], &views[ROWS], 8, -1, 0, "rows"))
        goto done;
    const Py_ssize_t n = views[ROWS].len / 8, size = views[OF].len / 4;
    if (!held(objects[COLUMNS], &views[COLUMNS], 4, n, 0, "columns") ||
        !held(objects[ABOVE], &views[ABOVE], 8, n, 1, "above") ||
        !held(objects[BEFORE], &views[BEFORE], 8, n, 1, "before") ||
        !held(objects[TIES], &views[TIES], 8, n, 1, "ties"))
        goto done;
    const float *scores = views[OF].buf;
    const int64_t *rows = views[ROWS].buf;
    const int32_t *columns = views[COLUMNS].buf;
    int64_t *above = views[ABOVE].buf, *before = views[BEFORE].buf, *ties = views[TIES].buf;
    int is_inside = 1;
    Py_BEGIN_ALLOW_THREADS;
    for (Py_ssize_t i = 0; i < n; i++) {
        is_inside = n_services > 0 && rows[i] >= 0 && rows[i] < size / n_services &&
                    columns[i] >= 0 && columns[i] < n_services;
        if (!is_inside) break;
        count(scores + rows[i] * n_services, n_services, columns[i], above + i, before + i,
              ties + i);
    }
    Py_END_ALLOW_THREADS;
    if (is_inside)
        result = Py_NewRef(Py_None);
    else
        PyErr_SetString(PyExc_ValueError, "a pair is no place in the scores");
done:
    for (int i = 0; i < ALL; i++)
        if (views[i].obj) PyBuffer_Release(&views[i]);
    return result;
}

static PyMethodDef methods[] = {
    {"take", take, METH_VARARGS, "The best of each row, and how its candidates lie."},
    {"rank", rank, METH_VARARGS, "Who stands above some entries of the rows."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "ml._rows", NULL, -1, methods};

PyMODINIT_FUNC PyInit__rows(void) {
    return PyModule_Create(&module);
}
