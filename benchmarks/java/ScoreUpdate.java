import com.amazon.randomcutforest.RandomCutForest;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * Scores and learns a stream with the loop inside the Java virtual machine.
 *
 * Arguments: file of little-endian doubles (rows, row-major), columns, shingle size, trees, sample
 * size, seed, rows for the compiler's warm-up. Each line "N" on standard input runs the next N
 * rows; the reply is one line "cpu_nanoseconds gc_milliseconds N" and then N little-endian doubles,
 * the scores. The processor time is that of the loop's thread: neither the just-in-time compiler's
 * threads nor the collector's count.
 */
public final class ScoreUpdate {
    private ScoreUpdate() {}

    private static float[][] read(Path file, int columns) throws Exception {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            ByteBuffer bytes = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size());
            var values = bytes.order(ByteOrder.LITTLE_ENDIAN).asDoubleBuffer();
            float[][] rows = new float[values.capacity() / columns][columns];
            for (float[] row : rows) {
                for (int column = 0; column < columns; column++) {
                    row[column] = (float) values.get();
                }
            }
            return rows;
        }
    }

    private static RandomCutForest forest(int columns, int shingle, int trees, int samples, long seed) {
        return RandomCutForest.builder()
                .dimensions(columns * shingle)
                .shingleSize(shingle)
                .numberOfTrees(trees)
                .sampleSize(samples)
                .randomSeed(seed)
                .initialAcceptFraction(0.125)
                .internalShinglingEnabled(true)
                .parallelExecutionEnabled(false)
                .build();
    }

    private static void run(RandomCutForest forest, float[][] rows, int start, double[] scores) {
        for (int i = 0; i < scores.length; i++) {
            float[] row = rows[start + i];
            scores[i] = forest.getAnomalyScore(row);
            forest.update(row);
        }
    }

    private static long collected() {
        long total = 0;
        for (GarbageCollectorMXBean bean : ManagementFactory.getGarbageCollectorMXBeans()) {
            total += bean.getCollectionTime();
        }
        return total;
    }

    public static void main(String[] args) throws Exception {
        int columns = Integer.parseInt(args[1]);
        int shingle = Integer.parseInt(args[2]);
        int trees = Integer.parseInt(args[3]);
        int samples = Integer.parseInt(args[4]);
        long seed = Long.parseLong(args[5]);
        float[][] rows = read(Path.of(args[0]), columns);
        // The compiler's warm-up: a forest that is thrown away.
        int warm = Math.min(Integer.parseInt(args[6]), rows.length);
        run(forest(columns, shingle, trees, samples, seed + 1), rows, 0, new double[warm]);

        RandomCutForest forest = forest(columns, shingle, trees, samples, seed);
        ThreadMXBean threads = ManagementFactory.getThreadMXBean();
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        OutputStream out = System.out;
        int next = 0;
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            double[] scores = new double[Integer.parseInt(line.trim())];
            long collectedBefore = collected();
            long before = threads.getCurrentThreadCpuTime();
            run(forest, rows, next, scores);
            long spent = threads.getCurrentThreadCpuTime() - before;
            next += scores.length;
            ByteBuffer reply = ByteBuffer.allocate(8 * scores.length).order(ByteOrder.LITTLE_ENDIAN);
            reply.asDoubleBuffer().put(scores);
            String head = spent + " " + (collected() - collectedBefore) + " " + scores.length + "\n";
            out.write(head.getBytes());
            out.write(reply.array());
            out.flush();
        }
    }
}
