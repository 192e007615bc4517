/* The work on blocks of pairs, for one width of vectors: included by _pairs.c once for each.
 *
 * Wants WIDTH (floats in a vector), TILE_ROWS and TILE_WIDES (how many rows and vectors of a
 * product are summed in registers; rows divide BLOCK and LANES), INLINED (how a function is
 * declared) and NAMED(name).
 */
#define Wide NAMED(Wide)
#define Bits NAMED(Bits)
#define joined NAMED(joined)
#define tile NAMED(tile)
#define product NAMED(product)
#define row_of NAMED(row_of)
#define column_of NAMED(column_of)
#define first_layer NAMED(first_layer)
#define forward_block NAMED(forward_block)
#define add NAMED(add)
#define backward_block NAMED(backward_block)
#define every_block NAMED(every_block)

typedef float Wide __attribute__((vector_size(4 * WIDTH), aligned(4), may_alias));
typedef int32_t Bits __attribute__((vector_size(4 * WIDTH), aligned(4), may_alias));

INLINED float joined(Wide v) {
    float sums[WIDTH];
    memcpy(sums, &v, sizeof v);
#if WIDTH > 4
    Quarter quarter = *(Quarter *)sums;
    for (int j = 4; j < WIDTH; j += 4) quarter += *(Quarter *)(sums + j);
    memcpy(sums, &quarter, sizeof quarter);
#endif
    return (sums[0] + sums[2]) + (sums[1] + sums[3]);
}

/* `into` += a @ b, for some rows and some widths of WIDTH; strides say where a's elements lie. */
INLINED void tile(const float *a, Py_ssize_t a_row, Py_ssize_t a_step, const float *b,
                 Py_ssize_t b_step, Py_ssize_t depth, float *into, Py_ssize_t into_row,
                 const int wides) {
    Wide sums[TILE_ROWS][TILE_WIDES];
    UNROLLED for (int i = 0; i < TILE_ROWS; i++) {
        UNROLLED for (int j = 0; j < wides; j++) {
            sums[i][j] = *(const Wide *)(into + i * into_row + j * WIDTH);
        }
    }
    for (Py_ssize_t k = 0; k < depth; k++) {
        UNROLLED for (int i = 0; i < TILE_ROWS; i++) {
            UNROLLED for (int j = 0; j < wides; j++) {
                sums[i][j] +=
                    a[i * a_row + k * a_step] * *(const Wide *)(b + k * b_step + j * WIDTH);
            }
        }
    }
    UNROLLED for (int i = 0; i < TILE_ROWS; i++) {
        UNROLLED for (int j = 0; j < wides; j++) {
            *(Wide *)(into + i * into_row + j * WIDTH) = sums[i][j];
        }
    }
}

/* The same for any number of rows that is a multiple of TILE_ROWS, and of columns, of WIDTH. */
INLINED void product(const float *a, Py_ssize_t a_row, Py_ssize_t a_step, const float *b,
                    Py_ssize_t b_row, Py_ssize_t depth, float *into, Py_ssize_t n,
                    Py_ssize_t columns) {
    Py_ssize_t j = 0;
    for (; j + TILE_WIDES * WIDTH <= columns; j += TILE_WIDES * WIDTH)
        for (Py_ssize_t i = 0; i < n; i += TILE_ROWS)
            tile(a + i * a_row, a_row, a_step, b + j, b_row, depth, into + i * columns + j,
                 columns, TILE_WIDES);
    for (; j < columns; j += WIDTH)
        for (Py_ssize_t i = 0; i < n; i += TILE_ROWS)
            tile(a + i * a_row, a_row, a_step, b + j, b_row, depth, into + i * columns + j,
                 columns, 1);
}

INLINED Py_ssize_t row_of(const Work *w, Py_ssize_t pair) {
    return w->columns ? w->rows[pair] : pair / w->n_services;
}

INLINED Py_ssize_t column_of(const Work *w, Py_ssize_t pair) {
    return w->columns ? w->columns[pair] : pair % w->n_services;
}

/* The first layer of a block: relu(client's part + service's part). What is no number stays so. */
INLINED void first_layer(const Work *w, Py_ssize_t begin, Py_ssize_t count) {
    for (Py_ssize_t p = 0; p < count; p++) {
        const float *client = w->of[CLIENT_MLP] + row_of(w, begin + p) * w->width;
        const float *service = w->of[SERVICE_MLP] + column_of(w, begin + p) * w->width;
        float *first = w->first + p * w->width_up;
        for (Py_ssize_t j = 0; j < w->width; j++) {
            const float sum = client[j] + service[j];
            first[j] = sum < 0.0f ? 0.0f : sum;
        }
    }
}

INLINED void forward_block(const Work *w, Py_ssize_t begin, Py_ssize_t count) {
    const Py_ssize_t whole = (count + TILE_ROWS - 1) / TILE_ROWS * TILE_ROWS;
    const Py_ssize_t hidden = w->hidden_up;
    first_layer(w, begin, count);
    float *second = w->of[SECOND] ? w->of[SECOND] + begin * hidden : w->second;
    float *block = count == whole ? second : w->second; /* No room for rows that are no pairs. */
    for (Py_ssize_t p = 0; p < whole; p++)
        memcpy(block + p * hidden, w->bias, hidden * sizeof(float));
    product(w->first, w->width_up, 1, w->layer, hidden, w->width_up, block, whole, hidden);
    for (Py_ssize_t p = 0; p < count; p++) {
        Wide sum = {0};
        float rest = 0.0f;
        for (Py_ssize_t j = 0; j < hidden; j += WIDTH) {
            Wide *value = (Wide *)(block + p * hidden + j);
            *value = (Wide)((Bits)*value & ~(Bits)(*value < 0.0f));
            sum += *value * *(const Wide *)(w->output + j);
        }
        const Py_ssize_t column = column_of(w, begin + p);
        if (w->gmf) {
            const float *client = w->of[CLIENT_GMF] + row_of(w, begin + p) * w->gmf;
            const float *service = w->of[SERVICE_GMF] + column * w->gmf;
            Wide other = {0}; /* Two sums do not wait for each other. */
            Py_ssize_t j = 0;
            for (; j + 2 * WIDTH <= w->gmf; j += 2 * WIDTH) {
                sum += *(const Wide *)(client + j) * *(const Wide *)(service + j);
                other +=
                    *(const Wide *)(client + j + WIDTH) * *(const Wide *)(service + j + WIDTH);
            }
            sum += other;
            for (; j < w->gmf; j++) rest += client[j] * service[j];
        }
        if (w->of[LINEAR]) rest += w->of[LINEAR][column];
        w->of[LOGITS][begin + p] += joined(sum) + rest;
    }
    if (block != second && w->of[SECOND])
        memcpy(second, block, count * hidden * sizeof(float));
}

/* `to` += scale * from */
INLINED void add(float *to, const float *from, float scale, Py_ssize_t n) {
    for (Py_ssize_t j = 0; j < n; j++) to[j] += scale * from[j];
}

INLINED void backward_block(const Work *w, Py_ssize_t begin, Py_ssize_t count) {
    const Py_ssize_t whole = (count + TILE_ROWS - 1) / TILE_ROWS * TILE_ROWS;
    const Py_ssize_t width = w->width_up, hidden = w->hidden_up;
    first_layer(w, begin, count);
    for (Py_ssize_t p = 0; p < count; p++) {
        const float arriving = w->of[LOGITS][begin + p];
        const float *second = w->of[SECOND] + (begin + p) * hidden;
        for (Py_ssize_t j = 0; j < hidden; j += WIDTH) {
            const Wide value = *(const Wide *)(second + j);
            const Wide to = (Wide)((Bits)(arriving * *(const Wide *)(w->output + j)) &
                                   (Bits)(value > 0.0f));
            *(Wide *)(w->to_second + p * hidden + j) = to;
            *(Wide *)(w->to_bias + j) += to;
            *(Wide *)(w->to_output + j) += arriving * value;
        }
    }
    for (Py_ssize_t p = count; p < whole; p++)
        memset(w->to_second + p * hidden, 0, hidden * sizeof(float));
    product(w->first, 1, width, w->to_second, hidden, count, w->to_layer, width, hidden);
    memset(w->to_first, 0, whole * width * sizeof(float));
    product(w->to_second, hidden, 1, w->across, width, hidden, w->to_first, whole, width);
    for (Py_ssize_t p = 0; p < count; p++) {
        const Py_ssize_t row = row_of(w, begin + p), column = column_of(w, begin + p);
        const float *first = w->first + p * width, *to_first = w->to_first + p * width;
        float *client = w->of[TO_CLIENT_MLP] + row * w->width;
        float *service = w->of[TO_SERVICE_MLP] + column * w->width;
        for (Py_ssize_t j = 0; j < w->width; j++) {
            const float to = first[j] > 0.0f ? to_first[j] : 0.0f;
            client[j] += to;
            service[j] += to;
        }
        const float arriving = w->of[LOGITS][begin + p];
        add(w->of[TO_CLIENT_GMF] + row * w->gmf, w->of[SERVICE_GMF] + column * w->gmf, arriving,
            w->gmf);
        add(w->of[TO_SERVICE_GMF] + column * w->gmf, w->of[CLIENT_GMF] + row * w->gmf, arriving,
            w->gmf);
        w->of[TO_LINEAR][column] += arriving;
    }
}

INLINED void every_block(const Work *w, int is_backward) {
    for (Py_ssize_t begin = 0; begin < w->n_pairs; begin += BLOCK) {
        const Py_ssize_t left = w->n_pairs - begin, count = left < BLOCK ? left : BLOCK;
        if (is_backward)
            backward_block(w, begin, count);
        else
            forward_block(w, begin, count);
    }
}

#undef Wide
#undef Bits
#undef joined
#undef tile
#undef product
#undef row_of
#undef column_of
#undef first_layer
#undef forward_block
#undef add
#undef backward_block
#undef every_block
#undef WIDTH
#undef TILE_ROWS
#undef TILE_WIDES
#undef INLINED
#undef NAMED
