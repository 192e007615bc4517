from typing import TypeAlias

import numpy as np
import numpy.typing as npt

_Floats: TypeAlias = npt.NDArray[np.float32]
_Places: TypeAlias = npt.NDArray[np.int32]

def forward(
    n_clients: int,
    n_services: int,
    width: int,
    hidden: int,
    gmf: int,
    rows: _Places,
    columns: _Places,
    client_mlp: _Floats,
    service_mlp: _Floats,
    client_gmf: _Floats,
    service_gmf: _Floats,
    linear: _Floats,
    layer: _Floats,
    bias: _Floats,
    output: _Floats,
    logits: _Floats,
    second: _Floats,
    /,
) -> None: ...
def backward(
    n_clients: int,
    n_services: int,
    width: int,
    hidden: int,
    gmf: int,
    rows: _Places,
    columns: _Places,
    client_mlp: _Floats,
    service_mlp: _Floats,
    client_gmf: _Floats,
    service_gmf: _Floats,
    linear: _Floats,
    layer: _Floats,
    bias: _Floats,
    output: _Floats,
    of_logits: _Floats,
    second: _Floats,
    to_client_mlp: _Floats,
    to_service_mlp: _Floats,
    to_client_gmf: _Floats,
    to_service_gmf: _Floats,
    to_linear: _Floats,
    to_layer: _Floats,
    to_bias: _Floats,
    to_output: _Floats,
    /,
) -> None: ...
def use_lanes(most: int, /) -> None: ...
