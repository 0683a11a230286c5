"""The Frechet distance of two sets of points by numpy and scipy. Exit code 77 if they are missing."""
import argparse
import sys

try:
    import numpy
    import scipy.linalg
except ImportError as error:
    print(error, file=sys.stderr)
    sys.exit(77)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("a", help="file of float32 [count, dim]")
    parser.add_argument("b", help="file of float32 [count, dim]")
    parser.add_argument("dim", type=int)
    arguments = parser.parse_args()
    means, covariances = [], []
    for path in (arguments.a, arguments.b):
        points = numpy.fromfile(path, dtype="<f4").astype(numpy.float64).reshape(-1, arguments.dim)
        means.append(points.mean(axis=0))
        covariances.append(numpy.atleast_2d(numpy.cov(points, rowvar=False)))
    root = scipy.linalg.sqrtm(covariances[0] @ covariances[1])
    distance = ((means[0] - means[1]) ** 2).sum() + numpy.trace(covariances[0] + covariances[1])
    print(repr(float(distance - 2 * numpy.trace(root).real)))


if __name__ == "__main__":
    main()
