import com.amazon.randomcutforest.RandomCutForest;
import java.util.Random;

/**
 * Heap that a forest holds, measured over many forests.
 *
 * Arguments: forests, rows of each, shingle size, trees, sample size. Prints the bytes of used heap
 * per forest: the difference around building them all, each time after full collections. A first
 * forest pays for classes and tables that all share.
 */
public final class HeapPerForest {
    private HeapPerForest() {}

    private static RandomCutForest grown(int rows, int shingle, int trees, int samples, long seed) {
        RandomCutForest forest = RandomCutForest.builder()
                .dimensions(shingle)
                .shingleSize(shingle)
                .numberOfTrees(trees)
                .sampleSize(samples)
                .randomSeed(seed)
                .initialAcceptFraction(0.125)
                .internalShinglingEnabled(true)
                .parallelExecutionEnabled(false)
                .build();
        Random random = new Random(seed);
        for (int i = 0; i < rows; i++) {
            float[] row = {(float) (Math.sin(i * 2 * Math.PI / 50) + 0.1 * random.nextGaussian())};
            forest.getAnomalyScore(row);
            forest.update(row);
        }
        return forest;
    }

    private static long used() throws InterruptedException {
        for (int i = 0; i < 4; i++) {
            System.gc();
            Thread.sleep(20);
        }
        Runtime runtime = Runtime.getRuntime();
        return runtime.totalMemory() - runtime.freeMemory();
    }

    public static void main(String[] args) throws InterruptedException {
        int forests = Integer.parseInt(args[0]);
        int rows = Integer.parseInt(args[1]);
        int shingle = Integer.parseInt(args[2]);
        int trees = Integer.parseInt(args[3]);
        int samples = Integer.parseInt(args[4]);
        RandomCutForest[] kept = new RandomCutForest[forests + 1];
        kept[0] = grown(rows, shingle, trees, samples, 1);
        long before = used();
        for (int i = 1; i <= forests; i++) {
            kept[i] = grown(rows, shingle, trees, samples, i + 1);
        }
        long after = used();
        if (kept[forests].getTotalUpdates() < 0) {
            throw new IllegalStateException(); // keeps the forests reachable until here
        }
        System.out.println((after - before) / forests);
    }
}
