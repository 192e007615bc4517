import numpy as np
import numpy.typing as npt

def take(
    n_services: int,
    depth: int,
    scores: npt.NDArray[np.float32],
    begins: npt.NDArray[np.int64],
    ends: npt.NDArray[np.int64],
    excluded: npt.NDArray[np.int32],
    closed: npt.NDArray[np.int32],
    shut_out: npt.NDArray[np.bool_],
    services: npt.NDArray[np.int32],
    values: npt.NDArray[np.float32],
    counts: npt.NDArray[np.int64],
    means: npt.NDArray[np.float64],
    deviations: npt.NDArray[np.float64],
) -> int: ...
def rank(
    n_services: int,
    scores: npt.NDArray[np.float32],
    rows: npt.NDArray[np.int64],
    columns: npt.NDArray[np.int32],
    above: npt.NDArray[np.int64],
    before: npt.NDArray[np.int64],
    ties: npt.NDArray[np.int64],
) -> None: ...
