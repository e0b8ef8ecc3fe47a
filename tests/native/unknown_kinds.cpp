// Asks one place of the core that tells kinds apart for a number: `unknown_kinds PLACE NUMBER`.
//
// Ends with 0 where the number has a kind; where it has none the core must end the program (kinds.h).
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/native/vec_portable.h"
#include "../../src/native/check_fit.h"
#include "../../src/native/train.h"

using namespace shoal;

int main(int count, char** arguments) {
    if (count != 3) return 2;
    const char* place = arguments[1];
    const int64_t number = atol(arguments[2]);
    const auto ignore = [](auto) {};
    ShoalDense layer = {1, 0, 0};
    ShoalFit fit = {};
    fit.network.dense = &layer;
    fit.network.dense_count = 1;
    fit.train.row_count = 1;
    if (!strcmp(place, "activation")) {
        with_activation(number, ignore);
    } else if (!strcmp(place, "loss")) {
        fit.loss = number;
        with_loss(fit, ignore);
    } else if (!strcmp(place, "targets of a loss")) {
        const float x = 0, value = 0;
        const int64_t label = 0;
        const double level = 0.5;
        fit.loss = number;
        fit.levels = &level, fit.level_count = 1;
        layer.units = number == SHOAL_GAUSSIAN ? 2 : 1;
        fit.network.inputs = fit.train.x_count = fit.train.values_count = fit.train.labels_count = 1;
        fit.train.x = &x, fit.train.values = &value, fit.train.labels = &label;
        return (int)check_rows(fit.train, 1, fit, TRAIN);
    } else if (!strcmp(place, "outputs of a target")) {
        fit.loss = number;
        printf("%d", (int)outputs_of_target(fit));
    } else if (!strcmp(place, "option of a loss")) {
        printf("%d", takes_option(number, 0));
    } else if (!strcmp(place, "optimizer")) {
        fit.optimizer = number;
        with_optimizer(fit, 0.1, BiasCorrection(1), ignore);
    } else if (!strcmp(place, "momentum of an optimizer")) {
        printf("%d", takes_momentum(number));
    } else if (!strcmp(place, "pool")) {
        Conv conv = {};
        conv.pool = number;
        printf("%d", pools_by_max(conv));
    } else if (!strcmp(place, "rows of a monitor")) {
        fit.monitor = number;
        printf("%d", has_monitored_rows(fit));
    } else if (!strcmp(place, "column of a monitor")) {
        printf("%d", monitored_column(number));
    } else {
        return 2;
    }
    return 0;
}
